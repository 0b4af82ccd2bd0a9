"""Puts what lies beside the package into a wheel: results, lessons, the teacher's side.

Everything else stands in pyproject.toml. ``activecl_nb.files.of_the_kit`` finds these again.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
WITH = ("results", "notebooks", "teaching", "data_download.py", "README.md", "LICENSE")
WITHOUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.new")


class WithTheKit(build_py):
    def run(self) -> None:
        package = Path(self.build_lib) / "activecl_nb"
        shutil.rmtree(package, ignore_errors=True)  # of an earlier build, with what is gone since
        super().run()
        if self.editable_mode:  # an editable install finds them where they are
            return
        inside = package / "_kit"
        inside.mkdir(parents=True)
        for name in WITH:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, inside / name, ignore=WITHOUT)
            else:
                shutil.copy2(ROOT / name, inside / name)


setup(cmdclass={"build_py": WithTheKit})
