"""Reference: indexing. The device "meta" stands for a GPU where only the way there matters."""

import contextlib
import threading

import pytest
import torch

from activecl_nb import simclr
from activecl_nb.fast import loader, threads

CPU = torch.device("cpu")


def pictures(n=20):
    draw = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (n, 3, 16, 16), dtype=torch.uint8, generator=draw)


def ahead(make, items):
    return threads.ahead(make, items, loader.READERS, loader.AHEAD)


def readers():
    return [t for t in threading.enumerate() if t.name.startswith("read-ahead")]


def test_batches_on_a_processor_are_the_images_in_order():
    images, parts = pictures(), [torch.tensor([3, 1]), torch.tensor([19, 0, 3])]
    found = list(loader.batches(images, parts, CPU))
    assert all(torch.equal(a, images[b]) for a, b in zip(found, parts, strict=True))


def test_what_is_read_ahead_comes_in_order_though_the_first_took_longest():
    later = threading.Event()

    def make(item):
        if item == 0:
            later.wait()
        elif item == loader.READERS:
            later.set()
        return item * item

    assert list(ahead(make, range(30))) == [i * i for i in range(30)]
    assert not readers()


def test_reading_is_ahead_but_not_far():
    begun = []
    with contextlib.closing(ahead(begun.append, range(100))) as results:
        next(results)
        assert len(begun) <= loader.AHEAD + 1
    assert len(begun) <= loader.AHEAD + 1 and not readers()


def test_an_error_comes_in_its_place_and_ends_the_reading():
    def make(item):
        if item == 3:
            raise OSError("the disk is gone")
        return item

    results, found = ahead(make, range(100)), []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(results)  # raised in the reader's thread, seen here
    assert found == [0, 1, 2] and not readers()


def test_leaving_early_stops_the_reading():
    with (
        pytest.raises(KeyboardInterrupt),
        contextlib.closing(ahead(abs, range(1000))) as results,
    ):
        for result in results:
            if result == 2:
                raise KeyboardInterrupt
    assert not readers()


def test_batches_are_read_ahead_from_a_mapped_file(tmp_path, monkeypatch):
    images = pictures()
    images.numpy().tofile(tmp_path / "bytes")
    mapped = torch.from_file(str(tmp_path / "bytes"), size=images.numel(), dtype=torch.uint8)
    parts = torch.randperm(20, generator=torch.Generator().manual_seed(1)).split(3)
    seen = []
    real = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor, "to", lambda x, *a, **k: (seen.append(x), real(x, *a, **k))[1]
    )
    there = list(loader.batches(mapped.view(images.shape), parts, torch.device("meta")))
    assert [t.shape for t in there] == [(len(p), 3, 16, 16) for p in parts]
    assert all(t.device.type == "meta" for t in there)
    assert all(torch.equal(x, images[p]) for x, p in zip(seen, parts, strict=True))


def test_the_pool_goes_to_the_device_where_it_fits_in_half_of_what_is_free():
    images, positions = pictures(), torch.arange(1, 11)
    needed, meta = 10 * 3 * 16 * 16, torch.device("meta")
    there, where = loader.place(images, positions, meta, free=2 * needed)
    assert there.device.type == "meta" and there.shape == (10, 3, 16, 16)
    assert torch.equal(where, torch.arange(10))
    assert loader.place(images, positions, meta, free=2 * needed - 2) == (images, positions)
    assert loader.place(images, positions, CPU) == (images, positions)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is at hand")
def test_a_gpu_gets_the_same_batches_either_way():
    images, cuda = pictures(), torch.device("cuda")
    positions = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    placed, where = loader.place(images, positions, cuda)
    assert placed.is_cuda and torch.equal(placed.cpu(), images[positions])
    fit = list(loader.batches(placed, where.split(3), cuda))
    ahead = list(loader.batches(images, positions.split(3), cuda))
    assert all(torch.equal(a, b) for a, b in zip(fit, ahead, strict=True))


def test_training_on_positions_is_training_on_those_images():
    images, positions = pictures(), torch.arange(3, 19)

    def train(*arguments):
        model = simclr.SimCLR(simclr.build_encoder(4, "half"), simclr.build_head(32, 16))
        simclr.train(model, *arguments, epochs=1, batch_size=8)
        return model.state_dict()

    torch.testing.assert_close(train(images, positions), train(images[positions]), rtol=0, atol=0)


def test_an_epoch_is_every_image_once_in_a_drawn_order_without_the_partial_batch():
    images = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 8, 8)
    positions, cpu = torch.tensor([1, 3, 5, 7, 9, 0, 2]), torch.device("cpu")
    batches = loader.Batches(images, positions, 3, cpu)
    draw = torch.Generator().manual_seed(2)
    order = positions[torch.randperm(7, generator=torch.Generator().manual_seed(2))]
    with batches.epoch(draw) as patches:
        seen = [part[:, 0, 0, 0].tolist() for part in patches]
    assert seen == [order[:3].tolist(), order[3:6].tolist()]
    assert len(loader.Batches(images, None, 4, cpu).positions) == 10


def test_an_epoch_that_is_left_early_is_closed(monkeypatch):
    closed = []

    def endless(images, parts, device):
        try:
            while True:
                yield images[:1]
        finally:
            closed.append(True)

    monkeypatch.setattr(loader, "batches", endless)
    batches = loader.Batches(pictures(), None, 4, torch.device("cpu"))
    with batches.epoch(torch.Generator()) as patches:
        next(patches)
        assert not closed
    assert closed
