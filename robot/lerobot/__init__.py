"""LeRobotDataset v3.0: datasets of others as episodes, episodes as a dataset for others."""
