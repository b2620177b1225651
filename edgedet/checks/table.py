"""The findings of a data set's checks as a table for people."""

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from edgedet.checks.report import EXAMPLES, CheckReport, Finding, counted

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def table_text(report: CheckReport) -> str:
    """Return counts, class balance and findings; coloured when stdout is a terminal."""
    console = Console()
    with console.capture() as capture:
        findings = map(_finding, report.findings)
        console.print(Group(_balance(report), *findings, _end(report)), soft_wrap=True)
    return capture.get().rstrip("\n")


def _balance(report: CheckReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", overflow="fold")
    for split in report.splits:
        table.add_column(split.split, justify="right", no_wrap=True)
    table.add_column("auto weight", justify="right", no_wrap=True)
    table.add_row("images", *(str(split.images) for split in report.splits), "")
    table.add_row("without objects", *(str(split.background) for split in report.splits), "")
    table.add_section()
    for name in dict.fromkeys(name for split in report.splits for name in split.objects):
        # A class may be called "[red]": its name is text, never markup.
        counts = (str(split.objects.get(name, "-")) for split in report.splits)
        weight = report.auto_weights.get(name)
        table.add_row(Text(name), *counts, "-" if weight is None else f"{weight:.2f}")
    return table


def _finding(finding: Finding) -> Text:
    text = Text("\n")
    text.append(finding.severity, style=STYLES[finding.severity])
    text.append(f" {finding.code}: {finding.what}; {finding.fix}")
    for place in finding.examples:
        text.append(f"\n    {place.file}", style="dim")
        text.append(f"  {place.where}" if place.where else "", style="dim")
    if EXAMPLES == len(finding.examples) < finding.count:
        text.append("\n    ...", style="dim")
    return text


def _end(report: CheckReport) -> Text:
    told = ", ".join(counted(number, name) for name, number in report.counts().items())
    return Text(f"\nchecks of {report.data}: {told}")
