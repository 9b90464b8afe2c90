"""What can be said in a dossier: one field for each heading of the file, the form in the window, and the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A field: its name in Python, its heading, the part of the dossier it stands in, and what belongs there."""

    name: str
    title: str
    part: str
    hint: str


_TABLE: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Model": (
        ("provider", "Provider", "Who answers for the model: name and address."),
        ("version", "Model version", "Name, version and date of the model, as its users see them."),
        ("predecessor", "Predecessor", "The version before, and what has changed since; or that there is none."),
        ("description", "How it works", "Architecture, what goes in and what comes out, what it was optimised for."),
        ("training", "Training", "How it was trained and on what, pretrained parts, how the final model was chosen."),
        ("environment", "Environment", "Software and hardware it runs on, with versions: a lock file or its hash."),
        ("interface", "User interface and instructions", "How its answers reach people, and what they are told."),
    ),
    "Purpose": (
        ("purpose", "Intended purpose", "What it is for, and the part it has in a decision."),
        ("users", "Intended users", "Who uses it, with which training, in which setting."),
        ("affected", "Persons concerned", "About whom it says something: age, sex, condition, whatever matters."),
        ("out_of_scope", "Out of scope", "What it must not be used for."),
    ),
    "Data": (
        ("data_source", "Source of the data", "Where the images of this audit come from."),
        ("data_period", "Period", "When they were taken."),
        ("data_devices", "Devices", "What they were taken with, and how."),
        ("data_population", "Population", "Who is in them: numbers, age, sex, skin type, whatever matters."),
        ("data_inclusion", "Inclusion and exclusion", "Which were taken in and which left out, and how many."),
        ("data_preparation", "Preparation", "Cropping, de-identification, what was done about missing values."),
        ("reference_standard", "Reference standard", "How the true answer is known, by whom, and how well they agree."),
        ("overlap", "Overlap of training and test", "How they were parted (by patient, by image); what may overlap."),
        ("sample_size", "Sample size", "Why there are so many test images, and what they are enough for."),
    ),
    "Plan": (
        ("plan", "Plan", "What was to be looked at and what would count as passed, written down beforehand."),
        ("planned", "When the plan was fixed", "Date and place of the plan: a registration, a commit, a hash."),
        ("deviations", "Deviations", "What was done differently, and why; or that nothing was."),
    ),
    "Risks": (
        ("foreseeable_risks", "Foreseeable risks", "What may go wrong for whom, and what is done about it."),
        ("limitations", "Known limitations", "Where it is known to be worse, or was not looked at."),
        ("failures", "Failure cases", "Wrong answers that people know of, and what they have in common."),
        ("oversight", "Human oversight", "Who can overrule it, and how they notice that they should."),
        ("security", "Cybersecurity", "What keeps model, data and answers from being tampered with."),
    ),
    "Life cycle": (
        ("changes", "Planned changes", "Changes that are foreseen, and how they are tested."),
        ("monitoring", "Monitoring after release", "What is watched in use, by whom, and what then happens."),
        ("standards", "Standards", "Standards that were followed, in full or in part."),
        ("declaration", "Declaration of conformity", "Where the signed declaration is kept."),
    ),
    "About this audit": (
        ("availability", "Availability", "Where model, code and data can be had, and by whom."),
        ("registration", "Protocol", "Where the full protocol or a registration is."),
        ("funding", "Funding", "Who paid for it, and the part they had in it."),
    ),
}  # fmt: skip

PARTS: tuple[str, ...] = tuple(_TABLE)
FIELDS: dict[str, Field] = {
    name: Field(name, title, part, hint) for part, listed in _TABLE.items() for name, title, hint in listed
}
"""By name, in their order."""
