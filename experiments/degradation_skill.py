"""The skill of the degradation experiment, and where its knobs stand for it to succeed so often."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tensordict import TensorDict

from datamodules.hidden import AsIf
from experiments import reaching_skill
from experiments.action_spectrum import high_frequency_share, spectrum
from experiments.degradation_families import Family
from lightning_modules.policy import load_learner
from lightning_modules.skill import (
    NEAR,
    ActionNoise,
    Calibrated,
    EarlierCheckpoint,
    Knob,
    Setting,
    calibrate,
    nearest,
    on_the_line,
)
from robot.rollout import rollout
from robot.seeds import evaluation_seed, training_seed
from robot.success_rate import SuccessRate

LEVELS = (0.10, 0.25, 0.45, 0.65, 0.85)  # success of one who knows phi, worst to best
MATCHED = 0.65  # where the correlated noise is made as jerky as the temperature
CHECKS = 4  # of a level on fresh episodes, at most
CORRELATIONS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)


@dataclass
class Skill:
    """The skill of a seed, made worse to order.

    Attributes:
        family: whose.
        seed: of the skill, and of everything measured with it.
    """

    family: Family
    seed: int

    def __post_init__(self) -> None:
        self.checkpoint = self.family.skill(self.seed)
        self.learner = load_learner(self.checkpoint)
        self.task = self.family.made_up()
        self.env = self.task.environment(self.family.num_envs)
        self._rates: dict[tuple[Knob, float, int], SuccessRate] = {}

    def attempts(self, knob: Knob, value: float, fresh: int) -> TensorDict:
        """Episodes of one who knows phi, with a knob at a value.

        Args:
            knob: of the sampler.
            value: of the knob.
            fresh: 0 for those that set knobs, 1 and more for others that each check them once.
        """
        again = (fresh,) if fresh > 1 else ()
        seed = (evaluation_seed if fresh else training_seed)("calibration", self.seed, *again)
        phi = self.task.phi_set.sample(self.family.calibrated, torch.Generator().manual_seed(seed))
        policy = AsIf(
            knob.at(self.learner, value, seed), self.task, self.task.phi_space.hidden(phi)
        )
        return rollout(self.env, policy, phi, seed, record=True)

    def calibrate(self, knob: Knob, level: float) -> Calibrated:
        """The value at which it succeeds so often.

        One that misses the level on fresh episodes is set again, by a line through what is nearer,
        those episodes among it, and checked on others.
        """

        def success(value: float, fresh: int) -> SuccessRate:
            tried = (knob, value, fresh)  # levels have their first tries in common
            if tried not in self._rates:
                self._rates[tried] = SuccessRate.of(self.attempts(knob, value, fresh)["success"])
            return self._rates[tried]

        worst = knob.worst_of(self.learner)
        known = [
            Setting(value, rate)
            for (other, value, fresh), rate in self._rates.items()
            if other == knob and not fresh
        ]
        choose = nearest if knob.whole else on_the_line
        found = calibrate(success, knob.clean, worst, level, knob.whole, 16, known, choose)
        for fresh in range(2, CHECKS + 1):
            if found.reached or knob.whole:
                break
            tried = (*found.tried, found.setting)
            value = on_the_line(tried, level, NEAR / 2)
            found = Calibrated(level, Setting(value, success(value, fresh)), tried)
        return found

    def jerkiness(self, knob: Knob, value: float) -> float:
        """Share of the actions' changes at high frequencies."""
        made = self.attempts(knob, value, fresh=0)
        scale = self.learner.normalizer.action_half_range
        actions = made["trajectory", "action"]
        return high_frequency_share(spectrum(actions, made["length"], scale, window=8))

    def as_jerky_as(self, other: Knob) -> ActionNoise:
        """Correlated noise that is as jerky as another knob, both at the level ``MATCHED``."""
        wanted = self.jerkiness(other, self.calibrate(other, MATCHED).setting.value)

        def apart(correlation: float) -> float:
            knob = ActionNoise(correlation=correlation)
            return abs(self.jerkiness(knob, self.calibrate(knob, MATCHED).setting.value) - wanted)

        return ActionNoise(correlation=min(CORRELATIONS, key=apart))

    def earlier(self) -> EarlierCheckpoint:
        """The skill as it was while it was cloned."""
        return EarlierCheckpoint(tuple(map(str, reaching_skill.on_the_way(self.seed))))
