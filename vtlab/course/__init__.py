"""What the lessons need beside the library: a module for each lesson, and what several lessons share.

`lesson_NN` offers the committed table that a lesson reads (from `tables`), its helpers, its figure and the
checks of its exercises. To add a check, write a function of the learner's answer that returns
`(right, words)`, or None if nothing was attempted, and put `@exercise("NN.n")` above it. The words of a
wrong answer help without giving the answer away; the lesson's solution must pass its check
(`lessons/solutions`, run by nbval).
"""
