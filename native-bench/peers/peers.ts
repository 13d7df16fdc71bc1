// npm run bench:peers: examples/kv against etcd and against an empty handler, by turns in one invocation.
import { tryLoadUws } from '../../src/net/uws-module.js'
import { ChildChannel } from '../child-channel.js'
import { freePorts } from '../free-ports.js'
import { interruptible, runProgram } from '../interrupt.js'
import { EtcdCluster, etcdVersion } from './etcd-cluster.js'
import { KvService } from './kv-service.js'
import { LINES, type LineId, linesOf, mediansOf, type Runs, ratiosOf } from './peers-lines.js'
import { type PeersOptions, parsePeersOptions, SYSTEMS, type System } from './peers-options.js'
import { peersTable, ratiosTable, runLine } from './peers-report.js'
import { type Loaded, type PutRun, type RunTimes, runPuts } from './put-run.js'

const NO_ETCD =
  'etcd is not installed: it is left out. Debian and Ubuntu have it as a package: apt-get install etcd-server'
/** Between the counts of two loads: more than one caller makes in a load. */
const SEQUENCES_PER_LOAD = 1e7

const log = (line: string): void => console.log(line)

/** Those that can run here; says of the others why not. */
function systemsHere({ only }: PeersOptions, etcd: string | undefined): System[] {
  log(etcd ?? NO_ETCD)
  const uws = tryLoadUws()
  const noUws = 'unavailable' in uws ? uws.unavailable : undefined
  if (noUws !== undefined) log(`the empty handler is left out: uWebSockets.js does not load here (${noUws})`)
  return SYSTEMS.filter((system) => {
    if (only !== undefined && system !== only) return false
    return system === 'kv' || (system === 'etcd' ? etcd !== undefined : noUws === undefined)
  })
}

/** Starts a system, fresh, and gives what ends it again. */
async function start(system: System, options: PeersOptions): Promise<Loaded> {
  const { data, spread } = options
  if (system === 'kv') return KvService.start(options)
  if (system === 'etcd') return EtcdCluster.start(data, spread)
  const [port] = await freePorts(1)
  const child = new ChildChannel(new URL('./empty-process.js', import.meta.url), { port })
  await child.ask('ready').catch(async (error: unknown) => {
    await child.kill()
    throw error
  })
  return { ports: [port!], pids: [child.pid], end: () => child.kill() }
}

/** The systems of one invocation, each alive from its first load to the end. */
class Turns {
  readonly #options: PeersOptions
  readonly #signal: AbortSignal
  readonly runs: Runs = {}
  /** False: something that was acknowledged was not there. */
  right = true
  #loads = 0

  constructor(options: PeersOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /**
   * Each thread of a node compiles what it runs by itself, and only what has run often: a node of examples/kv comes to
   * its speed after tens of thousands of puts, and etcd at once. Servers run for months, so this is not measured.
   */
  async warmUp(system: System, service: Loaded): Promise<void> {
    const { firstWarmUp } = this.#options
    for (const id of linesOf(system)) {
      if (LINES[id].alone) continue
      await this.#load(id, service, { seconds: 0, warmUp: firstWarmUp })
    }
  }

  async measure(round: number, system: System, service: Loaded): Promise<void> {
    for (const id of linesOf(system)) {
      const run = await this.#load(id, service, this.#options)
      this.runs[id] = [...(this.runs[id] ?? []), run.figures]
      log(runLine(round, id, run))
    }
  }

  async #load(id: LineId, service: Loaded, times: RunTimes): Promise<PutRun> {
    const { connections, grpcConnections, bytes, keys } = this.#options
    const { dialect, alone } = LINES[id]
    const callers = alone ? 1 : connections
    const settings = {
      dialect,
      ports: service.ports,
      callers,
      connections: dialect === 'etcd-grpc' ? Math.min(callers, grpcConnections) : callers,
      valueBytes: bytes,
      keys,
      firstSequence: ++this.#loads * SEQUENCES_PER_LOAD,
    }
    const run = await runPuts(settings, service, times, this.#signal)
    for (const line of run.wrong) log(`   WRONG: ${LINES[id].label}: ${line}`)
    this.right &&= run.wrong.length === 0
    return run
  }
}

async function main(): Promise<boolean> {
  const options = parsePeersOptions(process.argv.slice(2))
  const signal = interruptible()
  const etcd = etcdVersion()
  const present = systemsHere(options, etcd)
  const { connections, bytes, keys, seconds, rounds, spread, json } = options
  const where = spread ? 'all nodes' : 'the leader'
  log(`${connections} connections to ${where}, values of ${bytes} B, ${keys} keys, ${seconds} s`)
  const services: [System, Loaded][] = []
  const turns = new Turns(options, signal)
  try {
    for (const system of present) {
      const service = await start(system, options)
      services.push([system, service])
      await turns.warmUp(system, service)
    }
    for (let round = 1; round <= rounds; round++) {
      for (const [system, service] of services) await turns.measure(round, system, service)
    }
  } finally {
    await Promise.all(services.map(([, service]) => service.end()))
  }
  const { runs, right } = turns
  const medians = Object.fromEntries(Object.entries(runs).map(([id, line]) => [id, mediansOf(line)]))
  const ratios = ratiosOf(medians)
  log(`\n${peersTable(medians)}\n\n${ratiosTable(ratios)}`)
  if (json) log(JSON.stringify({ etcd, ratios, medians, runs, right, options }))
  return right
}

await runProgram(main)
