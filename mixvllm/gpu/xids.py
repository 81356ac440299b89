"""What the driver's error numbers (XIDs) mean.

From NVIDIA's "XID Errors" guide (docs for data centre GPUs, r555 to r580), in our own words.
"""

from typing import Final, NamedTuple


class XidMeaning(NamedTuple):
    """In words; and whether the card is of no use until somebody has done something."""

    words: str
    unfit: bool = False


_MEANINGS: Final = {
    8: XidMeaning("a kernel ran too long and was stopped"),
    13: XidMeaning("a program did something wrong, such as reading outside its memory"),
    31: XidMeaning("a program touched memory that is not mapped"),
    32: XidMeaning("the driver's command stream to the card was damaged"),
    38: XidMeaning("the driver's firmware failed"),
    43: XidMeaning("a program failed and was stopped; the card is well"),
    45: XidMeaning("a program's work was cleared away, after another error or when it was killed"),
    46: XidMeaning("the card stopped processing", unfit=True),
    48: XidMeaning("memory error of two bits, which ECC cannot correct", unfit=True),
    54: XidMeaning("the card's power cable is not connected", unfit=True),
    61: XidMeaning("the card's own controller stopped with an error", unfit=True),
    62: XidMeaning("the card's own controller hangs", unfit=True),
    63: XidMeaning("a row of memory is to be remapped, or a page retired, at the next reset"),
    64: XidMeaning("a row of memory could not be remapped, or a page not retired", unfit=True),
    68: XidMeaning("the video processor failed"),
    69: XidMeaning("a program did something wrong in the graphics engine"),
    74: XidMeaning("an NVLink failed", unfit=True),
    79: XidMeaning("the card fell off the bus", unfit=True),
    92: XidMeaning("memory errors that ECC corrects come at a high rate"),
    94: XidMeaning("a memory error hit one program, which was stopped; others go on"),
    95: XidMeaning("a memory error could not be confined: all programs must end", unfit=True),
    109: XidMeaning("the card did not switch between two programs in time"),
    110: XidMeaning("a security fault of the card", unfit=True),
    119: XidMeaning("the card's system processor (GSP) did not answer in time", unfit=True),
    120: XidMeaning("the card's system processor (GSP) failed", unfit=True),
    121: XidMeaning("a link between chips had an error that was corrected"),
    122: XidMeaning("the card's information store cannot be read", unfit=True),
    123: XidMeaning("the card's power management failed", unfit=True),
    136: XidMeaning("an NVLink could not be trained", unfit=True),
    137: XidMeaning("another card's access over NVLink failed"),
    140: XidMeaning("a memory error that ECC could not correct", unfit=True),
    143: XidMeaning("the card could not be initialised", unfit=True),
    144: XidMeaning("an NVLink had an error in its unit for atomics and sharing"),
    145: XidMeaning("an NVLink had an error in its receiver or sender"),
    149: XidMeaning("an NVLink had an error in its network layer"),
    154: XidMeaning("the driver changed what it advises to recover the card"),
}


def meaning_of(code: int) -> XidMeaning:
    """One that is not in the list is told by its number, and held against no card."""
    return _MEANINGS.get(code, XidMeaning("an error of the driver"))
