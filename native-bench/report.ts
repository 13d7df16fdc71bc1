import { courseRows } from './course-rows.js'
import type { Percentiles } from './load/latencies.js'
import { type Figures, whole } from './measure.js'

/** The closing table, one figure a line. */
export function figuresTable(figures: Figures): string {
  const { latencyMs, loopDelayMs, processes } = figures
  const { bytesWrittenPerCommandByte: written } = figures
  const rows: [string, string][] = [
    ['commands/s', whole(figures.commandsPerSecond)],
    ...readRows(figures),
    ['MB/s', figures.megabytesPerSecond.toFixed(1)],
    ...latencyRows('latency', latencyMs),
    ...openLoopRows(figures),
    ['instances/s', whole(figures.instancesPerSecond)],
    ['commands per instance', figures.commandsPerInstance.toFixed(1)],
    ['CPU per command, all nodes', `${figures.cpuMicrosPerCommand.toFixed(2)} µs`],
    ['durable commits/s (node 1)', whole(figures.durableCommitsPerSecond)],
    ['bytes written per command byte, all nodes', written === undefined ? 'not known here' : written.toFixed(1)],
    ['loop delay p50 / p99 / max (node 1)', [loopDelayMs.p50, loopDelayMs.p99, loopDelayMs.max].map(ms).join(' / ')],
    ['errors', errorsLine(figures)],
  ]
  for (const { node, cpuPercent, rssMegabytes, dataMegabytes, commitsPerSecond } of processes) {
    const load = figures.perLoad[node - 1]
    const name = load === undefined ? `node ${node}` : `node ${node}, with a load of ${whole(load)}/s`
    const commits = `${whole(commitsPerSecond)} commits/s`
    const size = `${whole(rssMegabytes)} MB resident, ${whole(dataMegabytes)} MB of files`
    rows.push([name, `${whole(cpuPercent)} % of a core, ${size}, ${commits}`])
  }
  const course = courseRows(figures.course)
  return course.length === 0 ? table(rows) : `${table(rows)}\n\n${table(course)}`
}

function latencyRows(name: string, { p50, p90, p99, p999, max }: Percentiles): [string, string][] {
  return [
    [`${name} p50 / p90 / p99`, [p50, p90, p99].map(ms).join(' / ')],
    [`${name} p99.9 / max`, [p999, max].map(ms).join(' / ')],
  ]
}

function readRows({ readsPerSecond, readLatencyMs }: Figures): [string, string][] {
  if (readLatencyMs === undefined) return []
  return [['reads/s', whole(readsPerSecond)], ...latencyRows('latency of reads', readLatencyMs)]
}

function openLoopRows({ lateMs, missed }: Figures): [string, string][] {
  if (lateMs === undefined) return []
  return [
    ['sent after they were due, p50 / p99 / max', [lateMs.p50, lateMs.p99, lateMs.max].map(ms).join(' / ')],
    ['due, and not sent', whole(missed)],
  ]
}

export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
}

function errorsLine({ errors, errorsByCode }: Figures): string {
  const codes = Object.entries(errorsByCode).map(([code, count]) => `${code} ${count}`)
  return codes.length === 0 ? String(errors) : `${errors} (${codes.join(', ')})`
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`
