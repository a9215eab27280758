# %% [markdown]
# # 06 · Solutions: how much should learn?
#
# One way to solve each exercise of lesson 06, with the reason.

# %%
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **06.1** All stages may learn, which is the default, but only their normalisation layers do. The name
# is free; the start is pretrained unless one says otherwise.

# %% tags=["solution"]
vt.check("06.1", vt.Strategy("full", kind="norm"))

# %% [markdown]
# **06.2** So many stages learn as whole periods have gone by. A slice from the end takes the last ones;
# with none, `names[-0:]` would be all of them, so the start is counted from the front.

# %% tags=["solution"]
def thawed(epoch, names, each):
    learning = min(epoch // each, len(names))
    return names[len(names) - learning:]

vt.check("06.2", thawed)

# %% [markdown]
# **06.3** Both networks have nearly the same number of weights that learn, and neither head was solved.
# What differs is where the later stages begin: at random, or at what suits plants. (The stem is frozen
# in one and learns in the other. But training from scratch differs from full fine-tuning in nothing but
# where the stages begin, and it, too, ends above it.) Larger and more steps undo it, as the live run shows.

# %% tags=["solution"]
vt.check("06.3", "b")
