"""``python -m activecl_nb``: the kit's experiments from a terminal, a GPU box or a cluster."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activecl_nb.curation import commands as own
from activecl_nb.evidence import commands as evidence
from activecl_nb.lessons import commands as lessons
from activecl_nb.pictures import commands as pictures

if TYPE_CHECKING:
    from activecl_nb.imbalance import Data
    from activecl_nb.protocol import Protocol
    from activecl_nb.runs import Run

AUTO = "auto"  # the profile whose sizes are fitted to the data and the time
WHOLE = {"NUMBA_NUM_THREADS": 1, "RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1}  # and their least

EXAMPLES = """examples:
  python -m activecl_nb check
  python -m activecl_nb run --strategy entropy --seed 0 --out runs/entropy-0
  python -m activecl_nb run --data pathmnist --path pathmnist.npz --profile tiny --out runs/real
  python -m activecl_nb benchmark --seed 0 --out runs/benchmark-0
  python -m activecl_nb study results/study.toml --jobs 2 --out runs/study
  torchrun --nproc_per_node=4 -m activecl_nb benchmark --profile paper --out runs/four-gpus
  python -m activecl_nb report runs/study --out report
  python -m activecl_nb report runs/entropy-0 runs/random-0 --out report
  python -m activecl_nb look patches.csv --page look.html
  python -m activecl_nb run --data table --path patches.csv --profile auto --out runs/a
  python -m activecl_nb pick patches/ --budget 200 --strategy kcenter --out picks.csv
  python -m activecl_nb explore runs/entropy-0 runs/random-0 --out picks.html

A run that was stopped goes on from its last finished round when the same command is given again.
"""


def parser() -> argparse.ArgumentParser:
    """The command line; ``--help`` of each command says what it needs."""
    top = argparse.ArgumentParser(
        prog="python -m activecl_nb",
        description="Contrastive learning that chooses its own training images.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _run_options(commands)
    for wing in (evidence, pictures, own, lessons):
        wing.add(commands)
    return top


def _profile(text: str) -> str:
    from activecl_nb import files
    from activecl_nb.profiles import PROFILES

    if text in (*PROFILES, AUTO) or (files.expanded(text) / "run.json").is_file():
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither {', '.join(PROFILES)} nor {AUTO}, nor a run's folder"
    )


def _run_options(commands: argparse._SubParsersAction) -> None:
    for name, summary in [
        ("run", "Algorithm 2: pick, train, fit the proxy, score, round after round"),
        ("benchmark", "train on the whole pool at once, to compare with"),
    ]:
        command = commands.add_parser(name, help=summary, description=summary)
        add = command.add_argument
        add(
            "--data",
            default="phantom",
            help="phantom (default), pathmnist, kather19, folder (of class folders), or table",
        )
        add("--path", help="the file or folder of real data")
        add(
            "--profile",
            type=_profile,
            help="sizes (default: $ACTIVECL_PROFILE, laptop); auto fits them to data and "
            "--minutes; a run's folder takes those of that run, to compare with it",
        )
        add("--minutes", type=float, help="for --profile auto (default: 20)")
        if name == "run":
            add(
                "--strategy",
                default="entropy",
                help="random, kcenter, ... or one of your own, mine.py:closest (default: entropy)",
            )
            own.encoder_options(command)
        add("--seed", type=int, default=0, help="default: 0")
        add("--share", type=float, help="share of the positive class, 0 to 1")
        add("--positive", default="TUM", help="the class sought (default: TUM)")
        add("--fold", type=int, default=0, help="which of five parts is the test set (default: 0)")
        own.own_options(command)
        add(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="any field of the protocol, such as --set rounds=3 --set head=simclr",
        )
        add("--device", help="cpu, cuda or mps (default: the fastest)")
        add("--out", required=True, type=Path, help="the run's folder")
        command.set_defaults(do=_run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0: it went well; else one line says what is wrong, and the mend.

    2: what was asked for cannot be done; 1: the system or the machine failed; 130: Ctrl-C.
    """
    try:
        from activecl_nb import files

        files.stand_in_for_closed_streams()
        return _do(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt as stopped:
        with contextlib.suppress(KeyboardInterrupt):  # a second one, while this is said
            _let_go(stopped)
            print(
                "\nstopped; the finished rounds are kept, and the same command goes on from there",
                file=sys.stderr,
            )
            # Where it came inside an exec, as a dataclass makes one, Python would forget the
            # status, and end as if by the signal; the next exec lets it forget that.
            exec("0")
        return 130
    except BaseException as error:  # a strategy of one's own may raise any
        if isinstance(error, BrokenPipeError) and not _place_of(error):
            # Whoever read the output has seen enough; what is left is flushed to nowhere.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            return 1
        said, status = _told(error)
        print(f"error: {said}", file=sys.stderr)
        return status


def _let_go(stopped: KeyboardInterrupt) -> None:
    """Take down what it left half made, as a bar that had not begun, which would complain of it."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        stopped.__traceback__ = None
    finally:
        sys.unraisablehook = hook


def _do(given: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a sign shows another for it
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    commands = parser()
    options = commands.parse_args(given)
    # Of an empty path the system makes the folder that one is in.
    if empty := [word for word in given if re.fullmatch(r"(--[a-z-]+=)?\s*", word)]:
        commands.error(f"{empty[0]!r} says nothing; is it a variable without a value?")
    try:
        os.getcwd()
    except FileNotFoundError:  # which libraries end at in ways of their own
        raise ValueError("this terminal's folder is gone; cd to one that exists") from None
    for name, least in WHOLE.items():  # libraries end at these in words of their own
        value = os.environ.get(name) or str(least)
        if not (value.isdecimal() and len(value) < 10 and int(value) >= least):
            shown = value if len(value) < 20 else f"{value[:20]}..."
            raise ValueError(f"{name}={shown!r}: a whole number from {least} on; unset it")
    for name, value in vars(options).items():
        setattr(options, name, _at_home(value))
    return options.do(options)


def _at_home(value: object) -> object:
    """Paths with ``~`` as the user's home; anything else as it is."""
    from activecl_nb import files

    if isinstance(value, list):
        return [_at_home(item) for item in value]
    return files.expanded(value) if isinstance(value, Path) else value


def _place_of(error: BaseException) -> str:
    """Where in a file of one's own it came about; "" where in none."""
    of_strategies = sys.modules.get("activecl_nb.sampling.from_file")  # none has been read without
    return of_strategies.place_of(error) if of_strategies else ""


def _told(error: BaseException) -> tuple[str, int]:
    """What the user is told of an error, and the exit status; what no user can cause is raised."""
    from activecl_nb import files

    if place := _place_of(error):
        return f"{place}: {files.kind_of(error)}: {files.text_of(error)}", 1
    if isinstance(error, OSError):
        return files.told(error), 2 if isinstance(error, FileNotFoundError) else 1
    if isinstance(error, ValueError):
        return str(error), 2
    first = (str(error).splitlines() or ["out of memory"])[0]
    if isinstance(error, MemoryError) or re.search(r"memory|Storage size", first):
        return f"{first}; ask for a smaller profile, image_size, width or batch_size", 1
    if isinstance(error, RuntimeError) and first.startswith("Symlink loop"):  # of Path.resolve
        return f"{first}: {files.MENDS[errno.ELOOP]}", 1
    if isinstance(error, RuntimeError) and "home directory" in first:  # of Path.expanduser
        return f"{first} Set HOME to a folder that you may write to", 2
    raise error


def _run(options: argparse.Namespace) -> int:
    """``run`` and ``benchmark``; under torchrun, this rank's part of it."""
    from activecl_nb import experiment, sampling
    from activecl_nb.fast import distributed
    from activecl_nb.protocol import BENCHMARK

    strategy = options.strategy if options.command == "run" else BENCHMARK
    if sampling.is_from_file(strategy):
        strategy = sampling.from_file(strategy)
    try:
        with distributed.group(options.device) as device:
            first = distributed.rank() == 0
            protocol, data = distributed.after_rank_0(lambda: _sized(options, str(device)))
            work = (protocol, data, strategy, options.seed)
            if first:
                print(f"training on {data.train}\ntesting on {data.test}", flush=True)
                run = experiment.run(*work, options.out, device=str(device))
                _keep_map(run, data)
                _show(run)
            else:
                experiment.follow(*work, device=str(device))
    except distributed.RankLost as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _sized(options: argparse.Namespace, device: str) -> tuple[Protocol, Data]:
    """The protocol that runs, which is printed, and its data."""
    from activecl_nb import profiles, values
    from activecl_nb.curation import encoders
    from activecl_nb.fast import distributed
    from activecl_nb.protocol import Protocol

    choices = values.written(Protocol, options.set)
    if options.minutes is not None and options.profile != AUTO:
        raise ValueError(f"--minutes {options.minutes:g} is for --profile {AUTO}; leave it out")
    encoder: Any = own.encoder_of(options)
    if encoder and not encoders.is_table(encoder):
        encoder = encoders.load(encoder, download=options.download)
        choices = {"image_size": encoder.side(own.stored_shape(options)), **choices}
    if encoder:  # from elsewhere: a round only picks and probes
        choices |= {"encoder": "frozen"}
    if options.profile and options.profile not in profiles.PROFILES:
        protocol, data = _fitted(options, choices, device)
    else:
        profile = profiles.current(options.profile)
        if encoder:  # batches are of no meaning then
            budget = choices.get("budget", profile.budget)
            choices = {"batch_size": min(profile.batch_size, budget), **choices}
        protocol = Protocol.of(profile, **choices)
        data = _data(options, protocol)
        if distributed.rank() == 0:
            print(protocol, protocol.table(), sep="\n", flush=True)
    if options.target and protocol.task == Protocol.task:
        raise ValueError(f"--target {options.target} is for --set task=regression or segmentation")
    if encoder:
        data = encoders.attach(data, encoder, files=own.all_files(options), device=device)
    return protocol, data


def _fitted(
    options: argparse.Namespace, choices: dict[str, Any], device: str
) -> tuple[Protocol, Data]:
    """Sizes from the data and the minutes, or those that this run, or the one named, began with."""
    from activecl_nb import profiles, runs
    from activecl_nb.curation import sizes
    from activecl_nb.fast import distributed
    from activecl_nb.protocol import Protocol

    names = own.all_files(options)
    # The profile's numbers are for drawn tissue; of one's own patches all are taken.
    everything = {"train_images": len(names), "test_images": len(names)} if names else {}
    if options.profile == AUTO:
        begun = sizes.resolved(options.out, **choices)
    else:
        begun = Protocol.of(runs.load(options.profile).protocol, **choices)
        everything = everything if begun.name == AUTO else {}
    size = {k: choices[k] for k in ("image_size",) if k in choices}
    data = _data(options, Protocol.of(begun or profiles.current(), **everything, **size))
    if options.share is None and everything:  # else the dial has turned what was loaded
        everything = {"train_images": len(data.train), "test_images": len(data.test)}
    if begun:
        begun = Protocol.of(begun, **everything)
        said = f"{begun}\n{begun.table()}\nsizes that were fitted before"
    elif distributed.ranks() > 1:
        raise ValueError(
            f"--profile {AUTO} measures one process; begin the run with one, and go on with several"
        )
    else:
        choices = {**({} if options.share is None else everything), **choices}
        how: dict[str, Any] = {"device": device, "seed": options.seed}
        how |= {} if options.minutes is None else {"minutes": options.minutes}
        fitted = sizes.fit(data, **how, **choices)
        begun, said = fitted.protocol, str(fitted)
    if distributed.rank() == 0:
        print(said, flush=True)
    return begun, data


def _data(options: argparse.Namespace, protocol: Protocol) -> Data:
    from activecl_nb import imbalance

    return imbalance.load(
        options.data,
        protocol,
        path=options.path,
        share=options.share,
        positive=options.positive,
        fold=options.fold,
        **own.of_source(options),
    )


def _keep_map(run: Run, data: Data) -> None:
    """Where the encoder is from elsewhere the run holds none, so the explorer's map is made now."""
    from activecl_nb.pictures import maps

    if data.features is None or len(run.watched) < maps.FEWEST:
        return
    if maps.stored(run, run.watched) is None:
        features = data.features[0].numpy()[run.watched]
        maps.save(run, maps.of_features(features, run.watched, seed=run.seed))


def _show(run: Run) -> None:
    """Print the run's table and draw its curve."""
    from activecl_nb import files, tasks
    from activecl_nb.evidence import analysis
    from activecl_nb.pictures import figures

    score = tasks.HEADLINES[run.protocol.task]
    also = "auroc" if score == "f1" else f"probe_{score}"
    columns = ["round", "images", "image_epochs", score, also, "seconds_train"]
    print(run.table()[columns].to_string(index=False, float_format="{:.3f}".format))
    picture = figures.learning_curve(analysis.curve([run], score), score=score)
    files.write(run.folder / "curve.png", picture.png())
    print(f"the run is in {run.path}, its curve in {run.folder / 'curve.png'}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:  # all is done and said; Python takes a moment to end
        signal.signal(signal.SIGINT, signal.SIG_IGN)
