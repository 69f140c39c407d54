"""The report: a folder of plain pages that tells what a corpus is made of."""
