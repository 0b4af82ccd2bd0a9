"""The exercises of lesson 09."""

from __future__ import annotations

from notebook_tools import examine, function, letters

SPREAD = "my_doubt(predictions)"
DICE = "my_dice(mask, said)"


def spread(*lines: str) -> str:
    return function(SPREAD, "p = np.asarray(predictions, dtype=float)", *lines)


def counted(last: str) -> str:
    lines = (
        "mask, said = np.asarray(mask) > 0, np.asarray(said) > 0",
        "both = (mask & said).sum()",
    )
    return function(DICE, *lines, "a, b = mask.sum(), said.sum()", last)


def test_ensemble_doubt() -> None:
    examine(
        "09_other_tasks",
        1,
        {
            "the variance": spread("return p.var(axis=1, ddof=1)"),
            "one number, by all": spread("return p.std()"),
            "divided outside the root": spread(
                "d = p - p.mean(axis=1, keepdims=True)",
                "return (d ** 2).sum(axis=1) ** 0.5 / (p.shape[1] - 1)",
            ),
            "no brackets": spread(
                "d = p - p.mean(axis=1, keepdims=True)",
                "return ((d ** 2).sum(axis=1) / p.shape[1] - 1) ** 0.5",
            ),
            "from the mean of all": spread(
                "return (((p - p.mean()) ** 2).sum(axis=1) / (p.shape[1] - 1)) ** 0.5"
            ),
            "two less": spread("return p.std(axis=1, ddof=2)"),
            "divided twice": spread("return p.std(axis=1) / (p.shape[1] - 1)"),
            "nine": spread(
                "d = p - p.mean(axis=1, keepdims=True)", "return ((d ** 2).sum(axis=1) / 9) ** 0.5"
            ),
            "one less than the patches": spread(
                "d = p - p.mean(axis=1, keepdims=True)",
                "return ((d ** 2).sum(axis=1) / (len(p) - 1)) ** 0.5",
            ),
            "not squared": spread(
                "return (p - p.mean(axis=1, keepdims=True)).sum(axis=1) / (p.shape[1] - 1)"
            ),
            "divided by the members": spread("return p.std(axis=1)"),
            "the prediction": spread("return p.mean(axis=1)"),
            "over the patches": spread("return p.std(axis=0, ddof=1)"),
            "the range": spread("return p.max(axis=1) - p.min(axis=1)"),
            "the standard error": spread("return p.std(axis=1, ddof=1) / p.shape[1] ** 0.5"),
            "absolute deviations": spread(
                "return np.abs(p - p.mean(axis=1, keepdims=True)).mean(axis=1)"
            ),
            "the variance, by the members": spread("return p.var(axis=1)"),
            "by the mean": spread("return p.std(axis=1, ddof=1) / p.mean(axis=1)"),
            "not divided": spread(
                "return ((p - p.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) ** 0.5"
            ),
            "one number": spread("return p.std(ddof=1)"),
            "corrects the root": spread("return p.std(axis=1) * p.shape[1] / (p.shape[1] - 1)"),
        },
    )


def test_dice() -> None:
    examine(
        "09_other_tasks",
        2,
        {
            "IoU": counted("return both / (mask | said).sum()"),
            "the 2 below": counted("return both / (2 * (a + b))"),
            "all pixels": counted("return 2 * both / (mask.size + said.size)"),
            "either, not both": counted("return 2 * (mask ^ said).sum() / (a + b)"),
            "rounded down": counted("return 2 * both // (a + b)"),
            "where both agree": counted("return 2 * (mask == said).sum() / (a + b)"),
            "1 - IoU": counted("return 1 - both / (mask | said).sum()"),
            "1 added below": counted("return 2 * both / (a + b + 1)"),
            "rounded": counted("return round(2 * both / (a + b), 2)"),
            "patches": counted("return 2 * len(mask & said) / (len(mask) + len(said))"),
            "no 2": counted("return both / (a + b)"),
            "precision": counted("return both / b"),
            "recall": counted("return both / a"),
            "accuracy": counted("return (mask == said).mean()"),
            "of all pixels": counted("return 2 * both / mask.size"),
            "twice both over either": counted("return 2 * both / (mask | said).sum()"),
            "the loss": counted("return 1 - 2 * both / (a + b)"),
            "the outside": counted(
                "return 2 * (~mask & ~said).sum() / ((~mask).sum() + (~said).sum())"
            ),
            "the smaller area": counted("return both / min(a, b)"),
            "the plain mean": counted("return (both / a + both / b) / 2"),
            "1 added": counted("return (2 * both + 1) / (a + b + 1)"),
            "a percentage": counted("return 200 * both / (a + b)"),
            "no brackets": counted("return 2 * both / a + b"),
            "and for &": counted("return 2 * (mask and said).sum() / (a + b)"),
            "one a patch": counted(
                "return 2 * (mask & said).sum((1, 2)) / (mask.sum((1, 2)) + said.sum((1, 2)))"
            ),
            "patch by patch": counted(
                "return np.mean([2 * (m & s).sum() / (m.sum() + s.sum()) "
                "for m, s in zip(mask, said)])"
            ),
        },
    )


def test_mean_over_the_patch() -> None:
    examine("09_other_tasks", 3, letters("abc"))
