import type { RowVerdict } from '../series/performance-table.js'
import { htmlText } from './html-text.js'

/** The performance table, as far as it was run. */
export function verdictTable(rows: readonly RowVerdict[]): string {
  if (rows.length === 0) return ''
  const lines = rows.flatMap(({ name, met, checks }) =>
    checks.map((check, i) => {
      const first = i === 0 ? `<td rowspan="${checks.length}">${htmlText(name)}</td>` : ''
      const end =
        i === 0 ? `<td rowspan="${checks.length}" class="${met ? 'good' : 'bad'}">${met ? 'yes' : 'no'}</td>` : ''
      const cells = [check.what, check.target, check.reached].map((text) => `<td>${htmlText(text)}</td>`).join('')
      return `<tr>${first}${cells}${end}</tr>`
    }),
  )
  const head = ['load', 'figure', 'to reach', 'reached', 'met'].map((name) => `<th>${name}</th>`).join('')
  return `<h2>What is to be reached</h2>\n<table class="verdicts"><thead><tr>${head}</tr></thead><tbody>${lines.join('\n')}</tbody></table>`
}
