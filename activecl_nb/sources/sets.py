"""The published sets: which files, with which hashes, and how many patches of which classes."""

from __future__ import annotations

from dataclasses import dataclass

# The nine classes in the order of the official label numbers (Kather et al. 2018; MedMNIST v2).
CLASS_NAMES = ("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM")


@dataclass(frozen=True)
class RemoteFile:
    """One file as its authors published it.

    size: bytes, None where only the server knows. at_most: bytes that it cannot exceed, being
    compressed. counts: images of each class, in the order of CLASS_NAMES.
    """

    name: str
    record: int
    md5: str
    size: int | None = None
    at_most: int | None = None
    counts: tuple[int, ...] | None = None

    @property
    def url(self) -> str:
        return f"https://zenodo.org/records/{self.record}/files/{self.name}?download=1"


@dataclass(frozen=True)
class DataSet:
    """A set of patches: the file of each split, and the side of its images in pixels."""

    name: str
    train: RemoteFile
    test: RemoteFile
    pixels: int
    about: str
    licence: str = "CC BY 4.0"
    patches: tuple[int, int] = (100_000, 7_180)

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        return tuple(dict.fromkeys((self.train, self.test)))

    def array_bytes(self, size: int | None = None) -> int:
        """What the prepared arrays of both splits take, at ``size`` pixels or as stored."""
        return sum(self.patches) * 3 * (size or self.pixels) ** 2


def _pathmnist(pixels: int, md5: str, size: int | None = None) -> DataSet:
    name = "pathmnist" if pixels == 28 else f"pathmnist-{pixels}"
    raw = (100_000 + 7_180) * 3 * pixels * pixels
    file = RemoteFile(f"{name.replace('-', '_')}.npz", 10519652, md5, size, raw)
    about = "the same patches as kather19" + (", unresized" if pixels == 224 else "")
    return DataSet(name, file, file, pixels, f"PathMNIST (MedMNIST v2): {about}")


_COUNTS_100K = (10407, 10566, 11512, 11557, 8896, 13536, 8763, 10446, 14317)
_COUNTS_7K = (1338, 847, 339, 634, 1035, 592, 741, 421, 1233)
_KATHER = 1214456  # the record
_TRAIN = RemoteFile(
    "NCT-CRC-HE-100K.zip", _KATHER, "6fd702d11df6292bc054397ae038a464", 11_690_284_003,
    counts=_COUNTS_100K,
)  # fmt: skip
_TRAIN_NONORM = RemoteFile(
    "NCT-CRC-HE-100K-NONORM.zip", _KATHER, "035777cf327776a71a05c95da6d6325f",
    at_most=100_000 * 3 * 224 * 224,
)  # fmt: skip
_TEST = RemoteFile(
    "CRC-VAL-HE-7K.zip", _KATHER, "2fd1651b4f94ebd818ebf90ad2b6ce06", 800_276_929,
    counts=_COUNTS_7K,
)  # fmt: skip

SETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        DataSet("kather19", _TRAIN, _TEST, 224, "NCT-CRC-HE-100K and CRC-VAL-HE-7K"),
        DataSet(
            "kather19-nonorm", _TRAIN_NONORM, _TEST, 224, "the same without colour normalisation"
        ),
        _pathmnist(28, "a8b06965200029087d5bd730944a56c1", 205_615_438),
        _pathmnist(64, "55aa9c1e0525abe5a6b9d8343a507616"),
        _pathmnist(128, "ac42d08fb904d92c244187169d1fd1d9", 4_257_786_775),
        _pathmnist(224, "2c51a510bcdc9cf8ddb2af93af1eadec"),
    )
}
