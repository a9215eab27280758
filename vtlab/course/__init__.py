"""The checks of the lessons' exercises, a module per lesson.

To add one, write a function of the learner's answer that returns `(right, words)`, or None if
the answer shows that nothing was attempted, and put `@exercise("NN.n")` above it. The words of
a wrong answer help without giving the answer away; the lesson's solution must pass its check
(`lessons/solutions`, run by nbval).
"""
