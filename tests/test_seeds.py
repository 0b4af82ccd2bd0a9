import torch

from activecl_nb import seeds


def test_a_name_gives_one_stream_and_another_name_another():
    def draw(*name):
        return torch.rand(8, generator=seeds.generator(*name)).tolist()

    assert draw(0, "views", 3, 17) == draw(0, "views", 3, 17)
    others = [draw(0, "views", 3, 18), draw(0, "views", 4, 17), draw(1, "views", 3, 17)]
    others += [draw(0, "order", 3, 17), draw(0, "views", 31, 7)]
    assert draw(0, "views", 3, 17) not in others


def test_number_is_the_same_on_every_machine():
    # SHA-256 of "0/views", first eight bytes, without the sign bit.
    import hashlib

    expected = int(hashlib.sha256(b"0/views").hexdigest()[:16], 16) >> 1
    assert seeds.number(0, "views") == expected


def test_no_global_state_is_touched():
    before = torch.get_rng_state()
    seeds.generator(0, "x")
    seeds.numpy_generator(0, "x").random(3)
    assert torch.equal(before, torch.get_rng_state())
