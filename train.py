"""Trains, validates, tests: every learning stage is a config.

python train.py fit --config configs/pick_banana/diffusion_policy.yaml
"""

from __future__ import annotations

from typing import Any, Optional

import jsonargparse
from jsonargparse.typing import NonNegativeInt
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from bad_input import one_sentence
from lightning_modules.checkpoint import read_file
from robot.schema import TaskSpec
from run_folder import LeaveNothingBehind


class CommandLine(LightningCLI):
    """Lightning's command line; the task tells the learner what it sees and does."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Links the task's spec to the model; evaluation has a seed of its own."""
        parser.link_arguments("data.spec", "model.init_args.spec", apply_on="instantiate")
        parser.add_argument(
            "--evaluation_seed",
            type=Optional[NonNegativeInt],  # noqa: UP045 - an alias to the type checker
            default=None,
            help="of the task parameters and the noise that policies are evaluated with",
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Refuses a checkpoint that is none before anything is made, recorded or written."""
        super().parse_arguments(parser, args)
        stage = self.config["subcommand"]
        path = self.config[stage].get("ckpt_path")
        if path is None and stage != "fit":
            raise ValueError(f"{stage!r} needs --ckpt_path: random weights are worth no number")
        named = path in (None, "best", "last", "hpc", "registry")
        if not named and "pytorch-lightning_version" not in read_file(path):
            raise ValueError(f"{path!r} is no checkpoint of a run")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Notes which folders there are before the run makes any; tells the evaluation its seed."""
        # Here, so that a renderer that cannot be imported ends in one sentence.
        from callbacks.periodic_evaluation import PeriodicEvaluation

        trainer = super().instantiate_trainer(**kwargs)
        for callback in trainer.callbacks:  # pyright: ignore[reportAttributeAccessIssue]
            seed = self._get(self.config, "evaluation_seed")
            if isinstance(callback, PeriodicEvaluation) and seed is not None:
                callback.seed = seed
            if isinstance(callback, LeaveNothingBehind):
                callback.remember(trainer)
        return trainer


def main(args: list[str] | None = None) -> None:
    """Runs a stage."""
    # A spec is linked from the task, never written in a config: without this its fields would
    # be arguments of every model.
    jsonargparse.set_parsing_settings(
        omegaconf_absolute_to_relative_paths=True, subclasses_enabled=[TaskSpec]
    )
    run = LeaveNothingBehind()
    with one_sentence(run):
        CommandLine(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            seed_everything_default=0,
            trainer_defaults={"callbacks": [run]},
            parser_kwargs={
                "parser_mode": "omegaconf+",
                "exit_on_error": False,
                "allow_abbrev": False,  # a flag that is cut short is a slip
            },
            auto_configure_optimizers=False,
            # A run has its own folder; only one without a logger can meet an older config.
            save_config_kwargs={"overwrite": True},
            args=args,
        )


if __name__ == "__main__":
    main()
