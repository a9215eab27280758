# %% [markdown]
# # 06 · Solutions: how much should learn?
#
# One way to solve each exercise of lesson 06, with the reason.

# %%
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **06.1** All stages may learn, which is the default, but only their biases do. The name is free; the start is
# pretrained unless one says otherwise.

# %% tags=["solution"]
vt.check("06.1", vt.Strategy("full", kind="bias"))

# %% [markdown]
# **06.2** So many stages learn as whole periods have gone by. A slice from the end takes the last ones;
# with none, `names[-0:]` would be all of them, so the start is counted from the front.

# %% tags=["solution"]
def thawed(epoch, names, each):
    learning = min(epoch // each, len(names))
    return names[len(names) - learning:]

vt.check("06.2", thawed)

# %% [markdown]
# **06.3** The four repairs, each of a copy of the same network.

# %% tags=["solution"]
from vtlab.course import lesson_06

knowing = lesson_06.source_network(seed)
dirty = lesson_06.genus_task("known", 3, seed + 100, corruption="contrast", strength=5.0)
repaired = {part: lesson_06.unfreeze_one_part(part, knowing, dirty, seed)["test_accuracy"]
            for part in ("statistics", "stage1", "stage4", "head")}
vt.check("06.3", repaired)

# %% [markdown]
# Low contrast makes all activations smaller, in every stage. New statistics undo exactly that, without a label. A new
# head cannot: what it gets is already spoilt. Stage 1 takes new statistics while it learns, and repairs what it can.
