from lightning.pytorch.loggers import TensorBoardLogger

from experiments.learning_curve import learning_curve


def test_a_resumed_run_is_one_curve_and_what_was_done_again_counts_once(tmp_path):
    for successes in ({10: 0.25, 20: 0.3}, {20: 0.5, 30: 0.75}):
        logger = TensorBoardLogger(tmp_path, name="", version="")
        for step, success in successes.items():
            logger.log_metrics({"collection/attempts": 25.6 * step}, step - 1)
            values = {"rollout/success/wide": success, "rollout/success/wide/n": 64}
            logger.log_metrics(values, step)
        logger.finalize("success")
    rows = learning_curve(tmp_path)
    assert [row["success/wide"] for row in rows] == [0.25, 0.5, 0.75]
    assert [row["episodes"] for row in rows] == [256, 512, 768]
    assert rows[0]["success/wide/n"] == 64
