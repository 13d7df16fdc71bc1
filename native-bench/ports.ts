// npm run bench:ports: the same load by turns, from the main thread and from the application's own threads through ports.
import { setTimeout as sleep } from 'node:timers/promises'
import { agreementLine, waitForAgreement } from './agreement.js'
import { Cluster } from './cluster.js'
import { interruptible, runProgram } from './interrupt.js'
import { whole } from './measure.js'
import { type LoadSource, mainSource, threadSource } from './port-sources.js'
import { type PortsOptions, parsePortsOptions } from './ports-options.js'
import { table } from './report.js'
import { makeWorkDir, removeWorkDir } from './work-dir.js'

/** One turn of one source. */
interface Turn {
  readonly commandsPerSecond: number
  /** Of the node's main thread: the share of the time in which it had something to do. */
  readonly mainBusy: number
  readonly cpuMicrosPerCommand: number
}

const AGREE_MS = 60_000

/** Keeps what callers were told, over all turns. */
class Turns {
  acknowledged = 0
  unknown = 0
  errors = 0
  readonly #cluster: Cluster
  readonly #options: PortsOptions
  readonly #signal: AbortSignal
  #source = 0

  constructor(cluster: Cluster, options: PortsOptions, signal: AbortSignal) {
    this.#cluster = cluster
    this.#options = options
    this.#signal = signal
  }

  /** `threads` 0: the main thread. */
  async run(threads: number): Promise<Turn> {
    const { callers, many, bytes, warmUp, seconds } = this.#options
    const { local } = this.#cluster
    const load = { callers, many, bytes, source: this.#source }
    this.#source += Math.max(1, threads)
    const source = threads === 0 ? mainSource(local, load) : await threadSource(local, threads, load)
    try {
      return await this.#measure(source, warmUp, seconds)
    } finally {
      for (const { acknowledged, unknown, errors } of await source.stop()) {
        this.acknowledged += acknowledged
        this.unknown += unknown
        this.errors += errors
      }
    }
  }

  async #measure(source: LoadSource, warmUp: number, seconds: number): Promise<Turn> {
    const signal = this.#signal
    await sleep(warmUp * 1000, undefined, { signal })
    const before = await this.#cpuMs()
    const loop = performance.eventLoopUtilization()
    await source.begin()
    await sleep(seconds * 1000, undefined, { signal })
    const counts = await source.counts()
    const mainBusy = performance.eventLoopUtilization(loop).utilization
    const cpuMs = (await this.#cpuMs()) - before
    const commands = counts.reduce((sum, count) => sum + count.commands, 0)
    const commandsPerSecond = counts.reduce((sum, count) => sum + count.commands / count.seconds, 0)
    return { commandsPerSecond, mainBusy, cpuMicrosPerCommand: (cpuMs * 1000) / commands }
  }

  async #cpuMs(): Promise<number> {
    const samples = await this.#cluster.samples()
    return samples.reduce((sum, { usage }) => sum + usage.cpuMs, 0)
  }
}

const nameOf = (threads: number): string => (threads === 0 ? 'main thread' : `${threads} with ports`)

function medianOf(turns: readonly Turn[], pick: (turn: Turn) => number): number {
  const sorted = turns.map(pick).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function turnLine({ commandsPerSecond, mainBusy, cpuMicrosPerCommand }: Turn): string {
  const busy = `main thread ${(mainBusy * 100).toFixed(0).padStart(3)} % busy`
  return `${whole(commandsPerSecond).padStart(10)} commands/s  ${busy}  ${cpuMicrosPerCommand.toFixed(2)} µs of CPU a command`
}

async function main(): Promise<boolean> {
  const options = parsePortsOptions(process.argv.slice(2))
  const signal = interruptible()
  const { nodes, groups, threads, callers, many, bytes, seconds, rounds } = options
  console.log(`${nodes} nodes, ${groups} groups, ${callers} callers, ${many} commands a call, ${bytes} B, ${seconds} s`)
  const dir = makeWorkDir('bench', options.data)
  const settings = { nodes, groups, machine: 'tally', window: undefined, rttMs: 0, flushDelayMs: 0 } as const
  try {
    const cluster = await Cluster.start(settings, dir)
    try {
      const turns = new Turns(cluster, options, signal)
      const sources = [0, ...threads].map((count) => ({ count, runs: [] as Turn[] }))
      for (let round = 1; round <= rounds; round++) {
        for (const { count, runs } of sources) {
          const turn = await turns.run(count)
          runs.push(turn)
          console.log(`${nameOf(count).padEnd(12)} ${round}  ${turnLine(turn)}`)
        }
      }
      const medians = sources.map(({ count, runs }) => ({
        threads: count,
        commandsPerSecond: medianOf(runs, (turn) => turn.commandsPerSecond),
        mainBusy: medianOf(runs, (turn) => turn.mainBusy),
        cpuMicrosPerCommand: medianOf(runs, (turn) => turn.cpuMicrosPerCommand),
      }))
      console.log(`\n${table(medians.map((turn) => [`${nameOf(turn.threads)}, median`, turnLine(turn)]))}\n`)
      const agreement = await waitForAgreement(() => cluster.groupStates(), turns, AGREE_MS)
      console.log(`${agreementLine(agreement, nodes)}; ${turns.errors} errors`)
      const { agree } = agreement
      if (options.json) console.log(JSON.stringify({ agree, errors: turns.errors, medians, options }))
      return agree
    } finally {
      await cluster.stop()
    }
  } finally {
    removeWorkDir(dir)
  }
}

await runProgram(main)
