"""What a user would run instead, written out in full."""

import copy
import time

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

from vtlab.system.device import has_native_bfloat16


def tutorial(folder, model, learning, mean, std, size=224, epochs=25):
    """The loop of PyTorch's transfer-learning tutorial (Chilamkurthy), as it stands there.

    `learning` are the parameters that are optimised: the head's for the "fixed feature
    extractor" half, all of them for the "finetuning the convnet" half. A record
    `(images right, images, seconds in training, seconds in all)` per epoch.
    """
    started = time.perf_counter()
    changes = {
        "train": transforms.Compose(
            [
                transforms.RandomResizedCrop(size),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(mean, std),
            ]
        ),
        "val": transforms.Compose(
            [
                transforms.Resize(size * 256 // 224),
                transforms.CenterCrop(size),
                transforms.ToTensor(),
                transforms.Normalize(mean, std),
            ]
        ),
    }
    sets = {part: datasets.ImageFolder(folder / part, changes[part]) for part in changes}
    loaders = {
        part: DataLoader(sets[part], batch_size=4, shuffle=True, num_workers=4) for part in sets
    }
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(learning, lr=0.001, momentum=0.9)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
    best_right = 0
    for _ in range(epochs):
        trained = 0.0
        for phase in ("train", "val"):
            model.train(phase == "train")
            phase_started = time.perf_counter()
            running_loss, right = 0.0, 0
            for inputs, labels in loaders[phase]:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    _, guesses = torch.max(outputs, 1)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
                running_loss += loss.item() * inputs.size(0)
                right += torch.sum(guesses == labels).item()
            if phase == "train":
                scheduler.step()
                trained = time.perf_counter() - phase_started
            elif right > best_right:
                best_right, _best = right, copy.deepcopy(model.state_dict())
        yield right, len(sets[phase]), trained, time.perf_counter() - started
        started = time.perf_counter()  # what the caller does between epochs is not counted


def mobilenet(weights, classes, frozen):
    """torchvision's MobileNetV2 with a new head, as the tutorial does with ResNet-18."""
    model = models.mobilenet_v2()
    model.load_state_dict(torch.load(weights, weights_only=True))
    for parameter in model.parameters():
        parameter.requires_grad = not frozen
    model.classifier[1] = nn.Linear(model.last_channel, classes)
    return model


def bare_loop(model, images, labels, epochs, batch=32):
    """Full fine-tuning by hand, tuned: channels last, bfloat16, tensors in memory, no reading.

    Where the processor has no bfloat16 a hand would leave it out: emulated it is far slower.
    `images` are normalised floats in channels-last format; no augmentation, no record.
    """
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01, fused=True)
    for _ in range(epochs):
        for index in torch.randperm(len(images)).split(batch):
            with torch.autocast("cpu", torch.bfloat16, enabled=has_native_bfloat16()):
                logits = model(images[index])
            loss = F.cross_entropy(logits.float(), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
