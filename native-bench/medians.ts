import { type Figures, whole } from './measure.js'

type Pick = (figures: Figures) => number
export const rate: Pick = ({ commandsPerSecond }) => commandsPerSecond

export function median(runs: readonly Figures[], pick: Pick): number {
  const sorted = runs.map(pick).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function summary(runs: readonly Figures[]) {
  return {
    commandsPerSecond: median(runs, rate),
    p50Ms: median(runs, ({ latencyMs }) => latencyMs.p50),
    p99Ms: median(runs, ({ latencyMs }) => latencyMs.p99),
    cpuMicrosPerCommand: median(runs, ({ cpuMicrosPerCommand }) => cpuMicrosPerCommand),
    durableCommitsPerSecond: median(runs, ({ durableCommitsPerSecond }) => durableCommitsPerSecond),
    runs: runs.map(rate).map(Math.round),
  }
}

export const sumOfErrors = (runs: readonly Figures[]): number => runs.reduce((total, { errors }) => total + errors, 0)

export function summaryLine(median: ReturnType<typeof summary>): string {
  const { commandsPerSecond, p50Ms, p99Ms, durableCommitsPerSecond, cpuMicrosPerCommand } = median
  const latency = `p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`
  const cost = `${whole(durableCommitsPerSecond)} commits/s  ${cpuMicrosPerCommand.toFixed(2)} µs of CPU a command`
  return `${whole(commandsPerSecond).padStart(9)} commands/s  ${latency}  ${cost}`
}

export function runLine({ commandsPerSecond, latencyMs, cpuMicrosPerCommand, errors }: Figures): string {
  const latency = `p50 ${latencyMs.p50.toFixed(2)} ms  p99 ${latencyMs.p99.toFixed(2)} ms`
  return `${whole(commandsPerSecond).padStart(9)} commands/s  ${latency}  ${cpuMicrosPerCommand.toFixed(2)} µs  ${errors} errors`
}
