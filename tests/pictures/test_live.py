"""Pictures that follow their sliders."""

from __future__ import annotations

import pytest
from ipywidgets import Checkbox, FloatSlider, VBox

from activecl_nb.pictures.figures import Picture, canvas
from activecl_nb.pictures.live import LIVE_MIME, Live, live


def draw(height: float, dashed: bool = False) -> Picture:
    if height > 9:
        raise ValueError(f"a height of {height} <does> not fit")
    figure, axes = canvas(2, 2)
    axes.axhline(height, linestyle="--" if dashed else "-")
    return Picture(figure, f"A {'dashed' if dashed else 'solid'} line at {height:g}.")


@pytest.fixture
def shown() -> Live:
    return live(
        draw,
        height=FloatSlider(2.0, min=0, max=10, description="height"),
        dashed=Checkbox(False, description="dashed"),
    )


def picture(of: Live) -> str:
    """What the reader sees under the controls, as HTML."""
    return of._box.children[-1].value


def test_first_picture_is_drawn_with_the_controls_values(shown: Live) -> None:
    assert shown.values == {"height": 2.0, "dashed": False}
    assert shown.picture.alt == "A solid line at 2."
    assert 'alt="A solid line at 2."' in picture(shown)


def test_controls_stand_above_the_picture(shown: Live) -> None:
    assert isinstance(shown._box, VBox)
    assert shown._box.children[:-1] == tuple(shown.controls.values())
    assert [control.description for control in shown.controls.values()] == ["height", "dashed"]


def test_a_moved_control_draws_anew(shown: Live) -> None:
    before = picture(shown)
    shown.controls["height"].value = 7.0
    assert shown.picture.alt == "A solid line at 7."
    assert picture(shown) != before and 'alt="A solid line at 7."' in picture(shown)


def test_set_moves_controls_as_a_hand_would(shown: Live) -> None:
    assert shown.set(height=3.0, dashed=True).alt == "A dashed line at 3."
    assert shown.controls["dashed"].value is True


def test_the_picture_follows_from_a_set_value_that_is_already_there(shown: Live) -> None:
    assert shown.set(height=2.0).alt == "A solid line at 2."


def test_an_unknown_control_is_an_error(shown: Live) -> None:
    with pytest.raises(KeyError, match="width"):
        shown.set(width=1)


def test_an_error_in_the_first_drawing_reaches_the_cell() -> None:
    with pytest.raises(ValueError, match="<does> not fit"):
        live(draw, height=FloatSlider(9.5, min=0, max=10))


def test_a_later_error_is_shown_and_raised_and_mended_by_the_next_move(shown: Live) -> None:
    with pytest.raises(ValueError, match="not fit"):
        shown.controls["height"].value = 9.5
    assert "ValueError: a height of 9.5 &lt;does&gt; not fit" in picture(shown)
    assert shown.set(height=1.0).alt == "A solid line at 1."
    assert "ValueError" not in picture(shown)


def test_a_notebook_gets_widget_and_still(shown: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIVECL_STATIC", raising=False)
    bundle = shown._repr_mimebundle_()
    assert bundle[LIVE_MIME]["model_id"] == shown._box.model_id
    assert "<img" in bundle["text/html"] and "A solid line at 2." in bundle["text/plain"]


def test_a_static_page_gets_the_still_alone(shown: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVECL_STATIC", "1")
    assert set(shown._repr_mimebundle_()) == {"text/html", "text/plain"}


def test_text_only_readers_get_the_alt_text(shown: Live) -> None:
    assert repr(shown) == "Figure: A solid line at 2."
