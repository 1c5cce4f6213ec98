import torch
from simulated_toy import ToyTask
from tensordict import TensorDict

from callbacks.collection import Explorer
from robot.rollout import rollout
from robot.simulation.environment import SimulatedArmEnv


class Numbering:
    """A learner whose every decision holds the object's place, so that its episode is known."""

    device = torch.device("cpu")

    class horizons:  # noqa: N801
        observation, action = 2, 5

    def __init__(self):
        self.asked = []

    def explore(self, observations, generator):
        self.asked.append(len(observations))
        place = observations["object_position"][:, -1, 0, 0]
        chunk = observations["last_command"][:, -1:].repeat(1, 5, 1)
        return TensorDict({"condition": place[:, None], "chunk": chunk}, observations.shape[:1])


class EndsAtItsOwnTime:
    """Wraps a toy task: an episode succeeds after as many steps as its second parameter says."""

    def __init__(self, task):
        self._task, self.count = task, None

    def __getattr__(self, name):
        return getattr(self._task, name)

    def place(self, phi):
        self.count = torch.zeros(len(phi))
        return self._task.place(phi)

    def success(self, world, phi):
        self.count += 1
        return self.count >= phi[:, 1]


def test_decisions_find_their_episodes_again():
    task = EndsAtItsOwnTime(ToyTask())
    phi = torch.tensor([[0.31, 3], [0.33, 11], [0.35, 6], [0.37, 12], [0.39, 1]])
    env = SimulatedArmEnv(task, 3, ToyTask.phi_sets["all"], num_threads=1)
    explorer = Explorer(Numbering())
    episodes = rollout(env, explorer, phi, seed=0)
    assert episodes["length"].tolist() == [3, 11, 6, 12, 1]
    decisions = explorer.decisions(episodes["length"], env.num_envs)
    # Three side by side, of which the first ends early; then two, without what fills the batch.
    assert explorer._module.asked == [3, 2, 1, 2, 1, 1]
    assert len(decisions) == 1 + 3 + 2 + 3 + 1
    place = phi[decisions["episode"], 0]
    torch.testing.assert_close(decisions["condition"][:, 0], place, rtol=0, atol=0.01)
    for episode, count in enumerate([1, 3, 2, 3, 1]):
        assert decisions["index"][decisions["episode"] == episode].tolist() == list(range(count))
