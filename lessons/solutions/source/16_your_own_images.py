# %% [markdown]
# # 16 · Solutions: which network for your own images, and what should learn?
#
# One way to solve each exercise of lesson 16, with the reason.

# %%
import numpy as np
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **16.1** The solution has no folder, so it makes 160 answers of which 85 in 100 are right, in any order. What counts is
# how widely forty of them vary: some twenty points. A test folder of forty cannot tell 75 % from 90 %.

# %% tags=["solution"]
import torch

labels = torch.zeros(160)
named = (torch.arange(160) >= 136).float()  # 136 of 160 are right
draws = [torch.randperm(160)[:40] for _ in range(1000)]
accuracies = [(named[some] == labels[some]).float().mean().item() for some in draws]
vt.check("16.1", np.quantile(accuracies, [0.025, 0.975]))

# %% [markdown]
# **16.2** The share that is right within each class, and the mean of these shares.

# %% tags=["solution"]
def balanced(labels, named):
    return np.mean([(named[labels == k] == k).mean() for k in np.unique(labels)])

vt.check("16.2", balanced)

# %% [markdown]
# **16.3** A share of the labels is moved on by one to seven classes, so that each is another one. The test labels
# stay as they are. Three draws of which labels are wrong, and their mean.

# %% tags=["solution"]
from dataclasses import replace

task = vt.task("garden", shots=20, seed=seed, tests=40)

def accuracy_with(share, draw):
    random, labels = torch.Generator().manual_seed(draw), task.train.labels.clone()
    some = torch.randperm(len(labels), generator=random)[:round(share * len(labels))]
    labels[some] = (labels[some] + torch.randint(1, 8, (len(some),), generator=random)) % 8
    network = vt.backbone("mini_resnet", classes=8)
    for step in vt.fit(network, replace(task, train=replace(task.train, labels=labels)), vt.probe):
        pass
    return vt.evaluate(network, task.test.pixels, task.test.labels)

# %% tags=["solution"]
found = {share: sum(accuracy_with(share, draw) for draw in range(3)) / 3 for share in (0, 0.4)}
vt.check("16.3", found)

# %% [markdown]
# The wrong labels point in all directions and the true ones in one, so that the mean of a class still lies on the
# right side. The stronger L2 that cross-validation chooses keeps the probe from learning single labels by heart.
# Wrong labels that all point in *one* direction, as when two classes are mixed up, are worse.
