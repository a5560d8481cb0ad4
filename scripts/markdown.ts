/** A table, its head first. Columns of numbers stand to the right. */
export function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const isNumber = head.map((_, i) => i > 0 && rows.every((row) => /^[0-9]/.test(row[i] ?? '')))
  const text = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (isNumber[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`
  return [text(head), rule, ...rows.map(text)].join('\n')
}
