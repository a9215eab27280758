"""Images to learn from: tasks and their splits, folders of photographs, digits, augmentation."""
