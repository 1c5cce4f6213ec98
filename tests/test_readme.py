"""The README tells the truth about files, commands and metrics."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("config", sorted(set(re.findall(r"configs/[\w/]+\.yaml", README))))
def test_every_config_exists(config):
    assert (ROOT / config).is_file()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?m)(?:^|`)make (\w+)", README))))
def test_every_make_target_exists(target):
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_every_tag_that_is_logged_is_explained():
    folders = ("callbacks", "lightning_modules")
    code = "".join(p.read_text() for folder in folders for p in ROOT.glob(f"{folder}/**/*.py"))
    groups = "train|validation|test|rollout|time|collection|curriculum|adaptation"
    tags = set(re.findall(rf'"((?:{groups})/[\w/]+)"', code))
    assert {"train/loss", "rollout/success", "collection/success", "curriculum/growth"} <= tags
    for tag in tags:
        assert f"`{tag}" in README, tag
