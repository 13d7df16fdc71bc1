// npm run bench:peers: examples/kv against etcd and against an empty handler, by turns in one invocation.
import { ChildChannel } from '../child-channel.js'
import { freePorts } from '../free-ports.js'
import { interruptible, runProgram } from '../interrupt.js'
import { EtcdCluster, etcdVersion } from './etcd-cluster.js'
import { KvService } from './kv-service.js'
import { LINES, type LineId, mediansOf, type Runs, ratiosOf } from './peers-lines.js'
import { type PeersOptions, parsePeersOptions, type System } from './peers-options.js'
import { peersTable, ratiosTable, runLine } from './peers-report.js'
import { type Loaded, runPuts } from './put-run.js'

const NO_ETCD = `etcd is not installed: it is left out. Debian and Ubuntu have it as a package: apt-get install etcd-server`
/** Between the counts of two loads on one system: more than a load makes. */
const SEQUENCES_PER_LOAD = 1e8

const log = (line: string): void => console.log(line)

/** Starts a system, fresh, and gives what ends it again. */
async function start(system: System, { data, spread, state }: PeersOptions): Promise<Loaded> {
  if (system === 'kv') return KvService.start(data, spread, ['--state', state])
  if (system === 'etcd') return EtcdCluster.start(data, spread)
  const [port] = await freePorts(1)
  const child = new ChildChannel(new URL('./empty-process.js', import.meta.url), { port })
  await child.ask('ready').catch(async (error: unknown) => {
    await child.kill()
    throw error
  })
  return { ports: [port!], pids: [child.pid], end: () => child.kill() }
}

/** All loads of one system on one life of it. False: something that was acknowledged was not there. */
async function turn(
  system: System,
  round: number,
  options: PeersOptions,
  runs: Runs,
  signal: AbortSignal,
): Promise<boolean> {
  const { connections, grpcConnections, bytes, keys, seconds, warmUp } = options
  const service = await start(system, options)
  let right = true
  try {
    for (const [index, id] of (Object.keys(LINES) as LineId[]).entries()) {
      const { dialect, alone } = LINES[id]
      if (LINES[id].system !== system) continue
      const callers = alone ? 1 : connections
      const settings = {
        dialect,
        ports: service.ports,
        callers,
        connections: dialect === 'etcd-grpc' ? Math.min(callers, grpcConnections) : callers,
        valueBytes: bytes,
        keys,
        firstSequence: (index + 1) * SEQUENCES_PER_LOAD,
      }
      const run = await runPuts(settings, service, { seconds, warmUp }, signal)
      runs[id] = [...(runs[id] ?? []), run.figures]
      log(runLine(round, id, run))
      for (const line of run.wrong) log(`   WRONG: ${line}`)
      right &&= run.wrong.length === 0
    }
  } finally {
    await service.end()
  }
  return right
}

async function main(): Promise<boolean> {
  const options = parsePeersOptions(process.argv.slice(2))
  const signal = interruptible()
  const etcd = etcdVersion()
  const systems = ([options.only ?? ['kv', 'etcd', 'empty']].flat() as System[]).filter(
    (system) => system !== 'etcd' || etcd !== undefined,
  )
  log(etcd ?? NO_ETCD)
  const { connections, bytes, keys, seconds, rounds, spread, json } = options
  const where = spread ? 'all nodes' : 'the leader'
  log(`${connections} connections to ${where}, values of ${bytes} B, ${keys} keys, ${seconds} s`)
  const runs: Runs = {}
  let right = true
  for (let round = 1; round <= rounds; round++) {
    for (const system of systems) right = (await turn(system, round, options, runs, signal)) && right
  }
  const medians = Object.fromEntries(Object.entries(runs).map(([id, line]) => [id, mediansOf(line)]))
  const ratios = ratiosOf(medians)
  log(`\n${peersTable(medians)}\n\n${ratiosTable(ratios)}`)
  if (json) log(JSON.stringify({ etcd, ratios, medians, runs, right, options }))
  return right
}

await runProgram(main)
