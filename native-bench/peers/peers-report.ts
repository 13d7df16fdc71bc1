import { whole } from '../measure.js'
import { table } from '../report.js'
import { LINES, type LineId, type Medians, type Ratios } from './peers-lines.js'
import type { PutRun } from './put-run.js'

export function runLine(round: number, id: LineId, { figures, verified, wrong }: PutRun): string {
  const { putsPerSecond, p50Ms, p99Ms } = figures
  const latency = `p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`
  const checked = verified === 0 ? '' : `  ${verified} keys read back, ${wrong.length} wrong`
  return `${round}  ${LINES[id].label.padEnd(31)}${whole(putsPerSecond).padStart(9)} puts/s  ${latency}${checked}`
}

export function peersTable(medians: Partial<Record<LineId, Medians>>): string {
  const rows = Object.entries(medians).map(([id, line]) => {
    const { putsPerSecond, p50Ms, p99Ms, serverMicros, loadMicros, failures } = line
    const micros = serverMicros === undefined ? '-' : serverMicros.toFixed(1)
    const figures = [whole(putsPerSecond), p50Ms.toFixed(2), p99Ms.toFixed(2), micros, loadMicros.toFixed(1)]
    return [LINES[id as LineId].label, ...figures, String(failures)]
  })
  return columns([['medians', 'puts/s', 'p50 ms', 'p99 ms', 'servers µs/put', 'load µs/put', 'failures'], ...rows])
}

export function ratiosTable({ kvOverEtcd, kvOverEtcdAloneP50, kvOverEmpty }: Ratios): string {
  const rows = [
    ['puts/s of kv / the better of etcd', kvOverEtcd],
    ['p50 of one caller of kv / the better of etcd', kvOverEtcdAloneP50],
    ['puts/s of kv / empty handler', kvOverEmpty],
  ] as const
  return table(rows.map(([name, ratio]) => [name, ratio === undefined ? 'not measured' : ratio.toFixed(2)]))
}

/** The first column to the left, all others to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const cell = (text: string, i: number) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))
  return rows.map((row) => `  ${row.map(cell).join('  ')}`).join('\n')
}
