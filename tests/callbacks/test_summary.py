import json

from lightning.pytorch.callbacks import ModelCheckpoint
from rollout_toys import ToyLearner, ToyTask, toy_trainer

from callbacks import RolloutEvaluation, Summary
from callbacks.summary import result_line


def result_of(output):
    last = output.strip().splitlines()[-1]
    assert last.startswith("RESULT ")
    return json.loads(last.removeprefix("RESULT "))


def test_the_last_line_is_a_flat_result_with_intervals(tmp_path, toy_rollout, capsys):
    trainer = toy_trainer(tmp_path, RolloutEvaluation(test_episodes=40), Summary())
    trainer.test(ToyLearner(), ToyTask(), verbose=False)
    output = capsys.readouterr().out
    result = result_of(output)
    for name in ("point", "near", "wide", "table"):
        metric = f"success/{name}"
        assert result[f"{metric}/n"] == 40
        assert result[f"{metric}/lo"] < result[metric] < result[f"{metric}/hi"]
    assert result["seed"] == 7
    assert result["config"] == ""
    assert result["wall_s"] > 0
    assert result["cpu_s"] > 0
    assert not any(isinstance(value, dict | list) for value in result.values())
    assert "Success after test" in output
    assert f"tensorboard --logdir {tmp_path}" in output


def test_a_checkpoint_remembers_what_training_it_took(tmp_path, toy_rollout, capsys):
    save = ModelCheckpoint(tmp_path, "last")
    learner, task = ToyLearner(), ToyTask()
    trainer = toy_trainer(
        tmp_path, RolloutEvaluation(episodes=2), Summary(), save, enable_checkpointing=True
    )
    trainer.fit(learner, task)
    fitted = result_of(capsys.readouterr().out)
    assert fitted["fit/wall_s"] == fitted["wall_s"]
    again = toy_trainer(tmp_path, RolloutEvaluation(test_episodes=2), Summary())
    again.test(learner, task, ckpt_path=tmp_path / "last.ckpt", verbose=False)
    tested = result_of(capsys.readouterr().out)
    assert 0 < tested["fit/cpu_s"] <= fitted["fit/cpu_s"]


def test_a_run_without_rollouts_prints_nothing(tmp_path, capsys):
    toy_trainer(tmp_path, Summary()).fit(ToyLearner(), ToyTask())
    assert "RESULT" not in capsys.readouterr().out


def test_numbers_are_rounded_and_names_kept():
    line = result_line({"success/near": 1 / 3, "success/near/n": 256, "config": "a.yaml"})
    assert line == 'RESULT {"success/near": 0.333333, "success/near/n": 256, "config": "a.yaml"}'
