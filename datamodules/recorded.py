"""RecordedTask: someone's recordings as a task, without a scene and without rollouts."""

from __future__ import annotations

from pathlib import Path

from datamodules.demonstrations import Demonstrations
from datamodules.sources import SourcedDataModule
from robot.episodes import EpisodeStore
from robot.recordings.importer import LEROBOT, import_recording
from robot.schema import TaskSpec


class RecordedTask(SourcedDataModule):
    """Clones recordings; joints, units, rate and ranges are those of the recording.

    Args:
        lerobot: folder of a LeRobotDataset v3.0, imported once into ``store``.
        store: folder of an episode store; where ``lerobot`` is given it is where the import goes,
            by default ``data/recorded/<name of the dataset>``.
        batch_size: windows a batch, in each process.
        steps_per_epoch: batches a training epoch.
        validation: share of the episodes to validate on, or their ids.
        seed: of the split and the order of windows.

    Raises:
        ValueError: if neither ``lerobot`` nor ``store`` is given.
        FileNotFoundError: if what is given does not exist.
    """

    def __init__(
        self,
        lerobot: str | Path | None = None,
        store: str | Path | None = None,
        batch_size: int = 256,
        steps_per_epoch: int = 100,
        validation: float | list[int] = 0.1,
        seed: int = 0,
    ) -> None:
        if lerobot is not None:
            name = Path(lerobot).resolve().name
            path = Path("data") / "recorded" / name if store is None else Path(store)
            # Here, not in prepare_data: the learner is built from the spec, before any hook.
            self.store = import_recording(lerobot, path, known=LEROBOT)
        elif store is not None:
            self.store = EpisodeStore.open(store)
        else:
            raise ValueError(
                "a recorded task needs 'lerobot', the folder of a LeRobotDataset, or 'store', that "
                "of an episode store"
            )
        demonstrations = Demonstrations(
            self.store.path, batch_size, steps_per_epoch, validation=validation
        )
        super().__init__({"demonstrations": demonstrations}, seed)

    @property
    def spec(self) -> TaskSpec:
        """The task, by the recording's metadata."""
        return self.store.spec
