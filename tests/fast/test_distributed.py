"""Reference: one process on the whole batch. Two gloo processes on this machine do the rest."""

import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from activecl_nb import augment, experiment, runs, sampling, simclr
from activecl_nb.__main__ import main
from activecl_nb.fast import distributed, layout
from activecl_nb.protocol import BENCHMARK

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this build of torch has no gloo",
)
CONTEXTS = []  # of this process, where it is a rank: kept open until ``leave``
PATIENCE = 1500  # seconds; a busy machine may take long to start two processes


def join(rank, meeting, seconds=PATIENCE):
    """Make this process one of two ranks, as torchrun would."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK=str(rank))
    if sys.platform == "linux":
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    context = distributed.group("cpu", timedelta(seconds=seconds), f"file://{meeting}")
    context.__enter__()
    CONTEXTS.append(context)


def two(meeting):
    spawn = multiprocessing.get_context("spawn")
    return [
        ProcessPoolExecutor(1, spawn, initializer=join, initargs=(rank, meeting))
        for rank in range(2)
    ]


def results(waiting):
    """What both ranks returned; what one of them raised.

    One that dies before it has met the other leaves it waiting, so neither is waited for alone.
    """
    done, _ = wait(waiting, PATIENCE, FIRST_EXCEPTION)
    failed = [w for w in done if w.exception()]
    return [w.result(0) for w in failed or waiting]


def stop(processes):
    for process in processes:
        process.shutdown(wait=False, cancel_futures=True)
        for child in (process._processes or {}).values():
            child.kill()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Call a function on two ranks at once; gives what each returned."""
    processes = two(tmp_path_factory.mktemp("meeting") / "store")

    def call(function, *arguments):
        return results([process.submit(function, *arguments) for process in processes])

    yield call
    stop(processes)


# ---- what the ranks do; these run in processes of their own ---------------------------------


def model(head="paper", width=4):
    return simclr.SimCLR(
        simclr.build_encoder(width, "half"), simclr.build_head(8 * width, 16, head)
    )


def pictures(n=16):
    draw = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (n, 3, 16, 16), dtype=torch.uint8, generator=draw)


def one_step(head="paper", width=4):
    """Loss, gradients and state after one step on a batch of 8, of which each rank has its share"""
    # In double precision, so that rounding hides nothing, whatever is summed in which order.
    m, images = layout.arrange(model(head, width).double()), pictures(8)
    distributed.agree(m, simclr.adam(m, 1e-3))
    x_i, x_j = (v.double() for v in augment.views(images, torch.Generator().manual_seed(1)))
    mine = distributed.share(8)
    with distributed.synchronised(m):
        loss = simclr.contrast(m, x_i[mine], x_j[mine])
        loss.backward()
    distributed.add_gradients(m)
    return loss.item(), {n: p.grad for n, p in m.named_parameters()}, m.state_dict()


def training(**choices):
    m = model("simclr")
    losses = simclr.train(m, pictures(), epochs=3, batch_size=8, learning_rate=1e-3, **choices)
    return losses, m.state_dict(), [type(layer).__name__ for layer in m.modules()]


def leave():
    CONTEXTS.pop().__exit__(None, None, None)
    return torch.distributed.is_initialized()


def disagreeing():
    """Ranks that start from weights and moments of their own end with those of rank 0."""
    torch.manual_seed(distributed.rank())
    m = nn.Linear(3, 2)
    optimizer = simclr.adam(m, 1e-3)
    if distributed.rank() == 0:
        m(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    distributed.agree(m, optimizer)
    return m.state_dict(), [optimizer.state[p] for p in m.parameters()]


def told():
    first = distributed.tell([3, 1, 4] if distributed.rank() == 0 else ())
    return first, distributed.tell([] if distributed.rank() == 0 else [9])


def compare(value):
    distributed.same("the numbers", value + distributed.rank())


def divide(n):
    return distributed.share(n)


def train_on_odd_batches():
    simclr.train(model(), pictures(), epochs=1, batch_size=5)


def follow_with(protocol, data):
    protocol = replace(protocol, temperature=0.2 + distributed.rank())
    experiment.follow(protocol, data, "random", 7, device="cpu")


def run_rounds(protocol, data, strategy, out, dies_after=None):
    """A run on both ranks; rank 1 may kill itself once it has seen so many batches."""
    if distributed.rank() == 0:
        return experiment.run(protocol, data, strategy, 7, out, device="cpu", progress=False)
    if dies_after is not None:
        gradients, seen = distributed.add_gradients, []

        def die(model):
            seen.append(1)
            if len(seen) > dies_after:
                os.kill(os.getpid(), signal.SIGKILL)
            gradients(model)

        distributed.add_gradients = die
    return experiment.follow(protocol, data, strategy, 7, device="cpu")


# ---- a step ---------------------------------------------------------------------------------


@pytest.mark.parametrize(  # from width 16 on weights lie channels last
    ("head", "width"), [("paper", 4), ("simclr", 4), ("paper", 16)]
)
def test_a_step_on_two_ranks_is_the_step_on_the_whole_batch(pair, head, width):
    loss, gradients, state = one_step(head, width)
    for found_loss, found_gradients, found_state in pair(one_step, head, width):
        assert found_loss == pytest.approx(loss, rel=1e-9)
        torch.testing.assert_close(found_gradients, gradients, rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(found_state, state, rtol=1e-9, atol=1e-12)
        assert list(found_state) == list(state)


def test_the_ranks_without_common_statistics_or_negatives_would_differ():
    """That the test above can fail: half a batch alone has another loss."""
    m, images = model(), pictures(8)
    x_i, x_j = augment.views(images, torch.Generator().manual_seed(1))
    whole, half = simclr.contrast(m, x_i, x_j), simclr.contrast(m, x_i[:4], x_j[:4])
    assert abs(whole - half) > 0.1


@pytest.mark.parametrize("rotation", ["right-angles", "continuous"])
def test_training_on_two_ranks_is_training_on_one(pair, rotation):
    choices = {"family": augment.Family(rotation=rotation), "seed": 3}
    losses, state, layers = training(**choices)
    both = pair(partial(training, **choices))
    for found_losses, found_state, found_layers in both:
        torch.testing.assert_close(found_losses, losses, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(found_state, state, rtol=1e-2, atol=2e-3)
        assert found_layers == layers  # the batch norms are the model's own again
    torch.testing.assert_close(both[0][1], both[1][1], rtol=0, atol=0)


# ---- a run ----------------------------------------------------------------------------------


@pytest.fixture
def calm(tiny_protocol):
    """A rate at which rounding stays rounding.

    At the tiny profile's, weights changed by 1e-7 of themselves move one process's own logits by
    0.1 after two rounds and by 8 after three: these patches are noise, and Adam's steps are as
    long for a gradient that is nothing but rounding as for any other.
    """
    return replace(tiny_protocol, learning_rate=1e-4, standardise=False)


class EntropyAgain:
    """Entropy, held to the picks of a run that was made before.

    Its own have to be as uncertain. Which of two equally uncertain is picked, another order of
    summing decides, and one such pick would change all that follows.
    """

    __name__ = "entropy"

    def __init__(self, before):
        self.rounds = before.rounds

    def __call__(self, features, logits, chosen_features, budget, generator):
        one = self.rounds[len(chosen_features) // budget]
        before = np.searchsorted(one.candidates, one.picked)
        own = sampling.pick("entropy", features, logits, chosen_features, budget, generator)
        uncertain = sampling.entropy_of(logits)
        torch.testing.assert_close(uncertain[own], uncertain[before], rtol=0, atol=0.01)
        return before


def assert_alike(found, expected):
    """The same picks; scores and losses within what another order of summing changes."""
    assert len(found.rounds) == len(expected.rounds) and found.finished
    for a, b in zip(found.rounds, expected.rounds, strict=True):
        np.testing.assert_array_equal(a.picked, b.picked)
        np.testing.assert_allclose(a.losses, b.losses, rtol=1e-3)
        np.testing.assert_allclose(a.watched_logits, b.watched_logits, atol=0.05)
        assert a.scores == pytest.approx(b.scores, abs=0.05)


@pytest.mark.parametrize("strategy", ["entropy", BENCHMARK])
def test_a_run_on_two_ranks_is_the_run_on_one(pair, strategy, tiny_data, calm, tmp_path):
    alone = experiment.run(calm, tiny_data, strategy, 7, device="cpu", progress=False)
    again = strategy if strategy == BENCHMARK else EntropyAgain(alone)
    both, nothing = pair(run_rounds, calm, tiny_data, again, tmp_path / "run")
    assert nothing is None  # the other rank has only trained
    assert_alike(both, alone)
    assert_alike(runs.load(tmp_path / "run"), alone)


def test_a_rank_that_dies_ends_the_other_and_the_run_goes_on_from_its_last_round(
    tiny_data, calm, tmp_path
):
    protocol = replace(calm, carry_optimizer=True)
    alone = experiment.run(protocol, tiny_data, "random", 7, device="cpu", progress=False)
    processes = two(tmp_path / "store")
    try:
        # 1, 2 and 3 batches an epoch, two epochs a round: this is in the middle of round 2.
        first, second = (
            p.submit(run_rounds, protocol, tiny_data, "random", tmp_path / "run", 8)
            for p in processes
        )
        with pytest.raises(BrokenProcessPool):
            second.result(PATIENCE)
        with pytest.raises(distributed.RankLost, match="rank 0 of 2 lost the others"):
            first.result(PATIENCE)
    finally:
        stop(processes)
    assert len(runs.load(tmp_path / "run").rounds) == 2
    resumed = experiment.run(
        protocol, tiny_data, "random", 7, tmp_path / "run", device="cpu", progress=False
    )
    assert_alike(resumed, alone)


def test_ranks_with_another_protocol_or_other_data_are_refused(pair, tiny_data, tiny_protocol):
    with pytest.raises(ValueError, match="protocol or data of rank 1 differ"):
        pair(follow_with, tiny_protocol, tiny_data)


# ---- messages -------------------------------------------------------------------------------


def test_all_ranks_start_from_the_weights_and_moments_of_rank_0(pair):
    (weights, moments), (other_weights, other_moments) = pair(disagreeing)
    torch.testing.assert_close(weights, other_weights, rtol=0, atol=0)
    torch.testing.assert_close(moments, other_moments, rtol=0, atol=0)
    assert moments[0]["step"] == 1 and set(moments[0]) == {"step", "exp_avg", "exp_avg_sq"}


def test_rank_0_speaks_and_the_others_hear(pair):
    assert pair(told) == [([3, 1, 4], [])] * 2


def test_ranks_that_were_started_differently_are_told_so(pair):
    with pytest.raises(ValueError, match="the numbers of rank 1 differ from those of rank 0"):
        pair(compare, 1)


def test_slices_cover_the_batch_in_the_order_of_the_ranks(pair):
    assert pair(divide, 8) == [slice(0, 4), slice(4, 8)]


def test_a_batch_that_does_not_divide_is_refused(pair):
    wanted = "a batch of 5 images does not divide among 2 ranks; start torchrun with"
    with pytest.raises(ValueError, match=wanted):
        pair(train_on_odd_batches)


def test_the_ranks_leave_together(tmp_path):
    processes = two(tmp_path / "store")
    try:
        # At once: a rank has not begun before it has met the other.
        assert results([p.submit(distributed.rank) for p in processes]) == [0, 1]
        second = processes[1].submit(leave)
        with pytest.raises(TimeoutError):  # it waits for rank 0
            second.result(2)
        first = processes[0].submit(leave)
        assert [first.result(PATIENCE), second.result(PATIENCE)] == [False, False]
    finally:
        stop(processes)


# ---- one rank -------------------------------------------------------------------------------


def test_one_process_is_one_rank_and_nothing_is_sent():
    m, z = model(), torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    assert (distributed.ranks(), distributed.rank()) == (1, 0)
    assert not distributed.launched()
    assert distributed.share(7) == slice(0, 7)
    assert distributed.gather(z) is z
    assert distributed.tell([1, 2]) == [1, 2]
    before = list(m.modules())
    with distributed.synchronised(m):
        assert all(a is b for a, b in zip(before, m.modules(), strict=True))
    with distributed.group("cpu") as device:
        assert device == torch.device("cpu") and not torch.distributed.is_initialized()


def test_each_rank_has_a_gpu_of_its_own():
    assert distributed._gpu(1, 2) == torch.device("cuda:1")
    with pytest.raises(ValueError, match="start torchrun with --nproc_per_node=2, or add --device"):
        distributed._gpu(2, 2)


# ---- the command line -----------------------------------------------------------------------


@pytest.mark.slow  # four processes that import all there is
def test_torchrun_gives_the_run_that_one_process_gives(tmp_path):
    """Two rounds of the tiny profile: through torchrun, on two ranks, against this process."""
    settings = ["rounds=2", "learning_rate=1e-4", "standardise=false", "epochs=1", "width=4"]
    command = ["run", "--profile", "tiny", "--device", "cpu", "--strategy", "random"]
    command += [part for setting in settings for part in ("--set", setting)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    if sys.platform == "linux":
        env["GLOO_SOCKET_IFNAME"] = "lo"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "activecl_nb", *command, "--out", str(tmp_path / "two")],
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("profile tiny") == 1  # rank 0 speaks alone
    assert main([*command, "--out", str(tmp_path / "one")]) == 0
    assert_alike(runs.load(tmp_path / "two"), runs.load(tmp_path / "one"))
