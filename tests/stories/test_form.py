"""A story that is told wrongly is refused with the place; one that does not come true says how."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.story import compare, read, tell
from tests.support.gateway import Gateway

HEAD = '[story]\ntitle = "t"\nprofile = "gas/combustible_point"\n'
SEND = '[[at]]\nt_s = 1\nsend = { channel = "lel", value = 60.0 }\n'
EXPECT = '[[expect]]\nat_s = 1\nalarm = "lel:HH"\nstate = "unacknowledged"\n'
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "story.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[story", "is no TOML"),
        (HEAD, "expects nothing"),
        (HEAD + SEND.replace("send", "sent") + EXPECT, "at[0]"),
        (HEAD + "[[at]]\nt_s = 1\n" + EXPECT, "at[0]: has nothing"),
        (HEAD + SEND + 'link = "down"\n' + EXPECT, "at[0]: has send and link"),
        (HEAD + '[[at]]\nt_s = 1\nlink = "off"\n' + EXPECT, 'is "up" or "down"'),
        (HEAD + SEND + "every_s = 5\nuntil_s = 0\n" + EXPECT, "until_s"),
        (HEAD + SEND.replace("t_s = 1", "t_s = -1") + EXPECT, "begins at 0"),
        (HEAD + '[[at]]\nt_s = 1\ncommand = { alarm = "x" }\n' + EXPECT, "needs an action"),
        (HEAD + SEND + EXPECT.replace("at_s", "t_s"), "expect[0]"),
        (HEAD.replace("gas/", "gass/") + SEND + EXPECT, "riskgate profiles list"),
        (HEAD + '[[at]]\nt_s = 1\nedit = ["no such text", "x"]\n' + EXPECT, "has no 'no such text'"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read(file)
    assert str(file) in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("lel:HH", "lel:H"), "expect[0]: told at_s 1, alarm lel:H"),
        (("at_s = 1", "at_s = 2"), "came at_s 1.0, alarm lel:HH"),
        (("unacknowledged", "normal"), "state normal; came"),
        ((EXPECT, '[[note]]\nat_s = 1\nkind = "flood_began"\n'), "expect[0]: told nothing; came"),
        (("[[expect]]", "[[answer]]\naccepted = true\n[[expect]]"), "answer: told 1; came 0"),
    ],
)
def test_what_came_otherwise_is_told(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "other.toml"
    text = HEAD + SEND + EXPECT
    file.write_text(text)
    true = read(file)
    assert compare(true, tell(true.entries)) == []
    file.write_text(text.replace(*change))
    other = read(file)
    assert said in "\n".join(compare(other, tell(other.entries)))


def test_the_command_prints_what_came_and_fails_when_it_is_not_true(tmp_path: Path) -> None:
    with Gateway(tmp_path, 1, []) as gateway:
        right = gateway.run("story", "run", str(EXAMPLE), "--events")
        assert right.returncode == 0, right.stdout + right.stderr
        assert "lel:H" in right.stdout
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(EXAMPLE.read_text().replace("at_s = 40", "at_s = 41"))
        failed = gateway.run("story", "run", str(EXAMPLE), str(wrong))
        assert failed.returncode == 1
        assert "FAILED wrong.toml" in failed.stdout
        wrong.write_text(HEAD)
        assert gateway.run("story", "run", str(wrong)).returncode == 78
