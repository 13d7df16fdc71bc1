/** Rows under a head: names and what has no head of its own to the left, figures to the right. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, i) => (i === 0 || head[i] === '' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  '),
    )
    .map((line) => `  ${line}`.trimEnd())
    .join('\n')
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
