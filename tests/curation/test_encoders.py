import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from small_sets import write_own
from torch import nn

from activecl_nb import experiment, imbalance, profiles, runs
from activecl_nb.curation import encoders
from activecl_nb.protocol import Protocol

FROZEN = Protocol.of(
    "tiny", encoder="frozen", rounds=3, budget=8, batch_size=8, labelled=20, candidates=20
)


class Means(nn.Module):
    """Three numbers an image: its mean colours."""

    def forward(self, images):
        return images.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    table = write_own(tmp_path_factory.mktemp("own"), patients=20)
    return imbalance.load("table", profiles.PROFILES["tiny"], path=table)


def test_a_module_gives_features_and_a_run_that_only_picks_and_probes(data, tmp_path):
    attached = encoders.attach(data, Means())
    assert attached.encoder == "Means" and attached.features[0].shape == (len(data.train), 3)
    out = tmp_path / "run"
    made = experiment.run(FROZEN, attached, "kcenter", 0, out, progress=False)
    assert [one.image_epochs for one in made.rounds] == [0, 0, 0]
    assert all(len(one.losses) == 0 for one in made.rounds) and made.finished
    assert set(made.weights) == {"proxy.weight", "proxy.bias"}
    assert made.data["encoder"] == "Means"
    again = runs.load(out)
    for before, after in zip(made.rounds, again.rounds, strict=True):
        assert np.array_equal(before.picked, after.picked)
    with pytest.raises(ValueError, match="its features are those of Means"):
        again.encoder()


def test_it_goes_on_where_it_was_stopped_and_other_features_are_another_run(data, tmp_path):
    attached = encoders.attach(data, Means())

    def stop(run):
        if len(run.rounds) == 2:
            raise KeyboardInterrupt

    whole = experiment.run(FROZEN, attached, "entropy", 0, progress=False)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        experiment.run(FROZEN, attached, "entropy", 0, out, progress=False, on_round=stop)
    resumed = experiment.run(FROZEN, attached, "entropy", 0, out, progress=False)
    assert np.array_equal(whole.chosen(), resumed.chosen())
    other = tuple(2 * values for values in attached.features)
    from dataclasses import replace

    with pytest.raises(ValueError, match="holds another run"):
        experiment.run(FROZEN, replace(attached, features=other), "entropy", 0, out, progress=False)


def test_training_and_frozen_features_exclude_each_other(data):
    attached, trains = encoders.attach(data, Means()), Protocol.of(FROZEN, encoder="trained")
    with pytest.raises(ValueError, match="say encoder='frozen'"):
        experiment.run(trains, attached, "random", 0, progress=False)
    with pytest.raises(ValueError, match="needs features from elsewhere"):
        experiment.run(FROZEN, data, "random", 0, progress=False)
    with pytest.raises(ValueError, match="no benchmark"):
        experiment.benchmark(FROZEN, attached, 0, progress=False)


@pytest.mark.parametrize("ending", ["npy", "csv"])
def test_a_table_of_features_is_matched_by_file(tmp_path, data, ending):
    files = sorted([*data.train.facts["file"], *data.test.facts["file"]])
    values = np.random.default_rng(0).normal(size=(len(files), 4)).astype(np.float32)
    table = tmp_path / f"features.{ending}"
    if ending == "npy":
        np.save(table, values)
    else:
        frame = pd.DataFrame(values, columns=list("abcd")).assign(file=files)
        frame.sample(frac=1, random_state=0).to_csv(table, index=False)
    attached = encoders.attach(data, table, files=files)
    for part, found in zip((data.train, data.test), attached.features, strict=True):
        expected = values[[files.index(name) for name in part.facts["file"]]]
        assert np.allclose(found.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: np.save(p / "f.npy", np.zeros((3, 4))), "a row for each"),
        (lambda p: np.save(p / "f.npy", np.array([{}], dtype=object)), "cannot be read"),
        (lambda p: np.save(p / "f.npy", np.zeros(2)), r"not \(N, d\)"),
        (lambda p: np.save(p / "f.npy", np.full((2, 3), np.nan)), "NaN or infinity"),
        (lambda p: (p / "f.csv").write_text("name,a\nx,1\n"), "no column file"),
        (lambda p: (p / "f.csv").write_text("file,a\nx,word\ny,2\n"), "hold no numbers"),
        (lambda p: (p / "f.csv").write_text("file,a\nx,1\nx,2\n"), "several rows"),
        (lambda p: (p / "f.csv").write_text(",file,a\n0,x,1\n1,y,2\n"), "columns Unnamed: 0 hold"),
        (lambda p: (p / "f.CSV").write_text("file,label,a\nx,1,1\ny,0,2\n"), "columns label hold"),
        (lambda p: (p / "f.csv").write_text("file,a\nx,1\ny,1\n"), "all have the same features"),
        (lambda p: (p / "f.csv").write_text("file,a\nx,1\n"), "no features of 1 of 2 images, 'y'"),
        (lambda p: None, "no file of features"),
    ],
)
def test_bad_tables_of_features_get_one_clear_error(tmp_path, write, message):
    write(tmp_path)
    there = [*tmp_path.iterdir(), tmp_path / "f.npy"]
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        encoders.read_table(there[0], ["x", "y"], ["x", "y"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18", "no encoder is called 'resnet18'"),
        ("torchvision:resnet0", "no model 'resnet0'"),
        ("timm:vit", "pip install timm|no model 'vit'"),
    ],
)
def test_unknown_encoders_say_what_there_is(name, message):
    with pytest.raises(ValueError, match=message):
        encoders.load(name)


def test_nothing_is_downloaded_without_being_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    with pytest.raises(ValueError, match="resnet18 are not on this machine; --download"):
        encoders.load("torchvision:resnet18")


def test_weights_in_a_file_and_in_torchvisions_folder(tmp_path, monkeypatch):
    from torchvision import models

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    model = models.resnet18(weights=None)
    known = tmp_path / "hub/checkpoints/resnet18-f37072fd.pth"
    known.parent.mkdir(parents=True)
    torch.save(model.state_dict(), known)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    stored = encoders.load("torchvision:resnet18")(images)
    assert stored.shape == (2, 512)
    assert torch.equal(stored, encoders.load(f"torchvision:resnet18@{known}")(images))
    known.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="holds no weights for ResNet"):
        encoders.load("torchvision:resnet18")


@pytest.mark.skipif(
    not encoders.available(), reason="the extra [pretrained] is not installed on this machine"
)
def test_the_encoder_that_works_offline():
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    encoder = encoders.load(encoders.LITE)
    assert encoder.side((64, 64)) == 64 and encoder.side((500, 400)) == 224
    assert encoder.side(None) == 224
    found = encoder(images)
    assert found.shape == (2, 1280) and torch.isfinite(found).all()
    assert encoders.LITE in encoders.offer()


def test_without_it_the_offer_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(encoders, "LITE_PACKAGES", ("no_such_package_at_all",))
    assert "pip install 'activecl[pretrained]'" in encoders.offer()
    with pytest.raises(ValueError, match="pretrained"):
        encoders.load(encoders.LITE)


class OfTimm(nn.Module):
    """What timm gives, as far as the kit looks at it."""

    def __init__(self, num_classes=0, **about):
        super().__init__()
        self.trunk = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, num_classes) if num_classes else nn.Identity()
        self.pretrained_cfg = {"input_size": (3, 48, 48), "classifier": "head", **about}

    def forward(self, images):
        return self.head(self.trunk(images).mean(dim=(2, 3)))


@pytest.fixture
def timm(monkeypatch):
    """A timm whose models are OfTimm, in place of the one that may be installed."""
    about = {}
    made = SimpleNamespace(__spec__=ModuleSpec("timm", None), about=about)
    made.is_model = lambda name: name != "none"
    made.create_model = lambda name, pretrained, num_classes: OfTimm(num_classes, **about)
    monkeypatch.setitem(sys.modules, "timm", made)
    return made


@pytest.mark.parametrize("classes", [0, 5], ids=["saved without a classifier", "with one"])
def test_a_model_of_timm_with_weights_in_a_file(tmp_path, timm, classes):
    saved = OfTimm(classes)
    torch.save(saved.state_dict(), tmp_path / "w.pth")
    encoder = encoders.load(f"timm:any@{tmp_path / 'w.pth'}")
    assert encoder.side((64, 64)) == 48
    images = torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)
    saved.head = nn.Identity()
    assert torch.allclose(encoder(images), encoders.Encoder("saved", saved)(images))
    with pytest.raises(ValueError, match="timm has no model 'none'"):
        encoders.load("timm:none")
    torch.save({"other.weight": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"w\.pth holds no weights for OfTimm"):
        encoders.load(f"timm:any@{tmp_path / 'w.pth'}")


def test_a_model_of_timm_sees_images_as_it_was_trained_on(tmp_path, timm):
    torch.save(OfTimm().state_dict(), tmp_path / "w.pth")
    timm.about |= {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.5, 1.0)}
    encoder = encoders.load(f"timm:any@{tmp_path / 'w.pth'}")
    images = torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)
    scaled = images / 255
    spread = torch.tensor([0.25, 0.5, 1.0]).view(3, 1, 1)
    expected = encoder.module[1]((scaled - 0.5) / spread)
    assert torch.allclose(encoder(images), expected, atol=1e-5)


@pytest.mark.parametrize("model", ["fasterrcnn_resnet50_fpn", "raft_large", "list_models", "none"])
def test_a_model_of_torchvision_that_classifies_no_images_is_refused(model, monkeypatch):
    """Without a look at the network: some would fetch the weights of a part of theirs."""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asks the network"))
    with pytest.raises(ValueError, match=f"no model '{model}' that classifies images"):
        encoders.load(f"torchvision:{model}")
