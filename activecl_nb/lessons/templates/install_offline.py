"""Installs activecl from this stick, without a network: python install.py [FOLDER]

FOLDER is where the lessons go and stay (default: activecl in your home). Nothing is changed
outside it, no admin rights are needed, and the stick can be pulled out afterwards.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

STICK = Path(__file__).resolve().parent


def main() -> int:
    home = Path(sys.argv[1] if len(sys.argv) > 1 else Path.home() / "activecl").absolute()
    print(f"[1/3] an environment in {home / '.venv'}")
    venv.create(home / ".venv", with_pip=True)
    scripts = home / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / ("python.exe" if sys.platform == "win32" else "python")
    print("[2/3] the kit and what it needs, from the stick")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index"]
    done = subprocess.run([*pip, "--find-links", STICK / "wheels", "activecl"])
    if done.returncode:
        print("this stick lacks wheels for this system or this Python; README.html names them")
        return 1
    print("[3/3] the lessons, and the tissue that they draw")
    subprocess.run([python, "-m", "activecl_nb", "lessons", home], check=True)
    shutil.copytree(STICK / "cache", home / "cache", dirs_exist_ok=True)
    word = "set" if sys.platform == "win32" else "export"
    print("ready. Each time, in a terminal:")
    print(f"  {word} ACTIVECL_HOME={home / 'cache'}")
    first = home / "notebooks" / "00_start_here.ipynb"
    print(f'  "{scripts / "jupyter"}" lab --notebook-dir="{home}" "{first}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
