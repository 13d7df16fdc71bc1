import type { NodeStatus } from '../../src/index.js'
import { columns, percent } from './columns.js'
import type { NodeView } from './node-insight.js'

type MainTime = Exclude<keyof NodeStatus['main'], 'turns' | 'activeMs' | 'idleMs'>
type WorkerTime = Extract<keyof NodeStatus['workers'][number]['counters'], `${string}Ms`>

const MAIN_ROWS: readonly (readonly [MainTime, string])[] = [
  ['receiveMs', 'frames of peers into rings'],
  ['repliesMs', 'outboxes: results to promises'],
  ['routeMs', 'outboxes: messages into frames'],
  ['callersMs', 'callers go on and propose'],
  ['flushMs', 'rings filled and made visible'],
  ['linkMs', 'frames to the links'],
]

const WORKER_ROWS: readonly (readonly [WorkerTime, string])[] = [
  ['controlMs', 'messages: decode, step'],
  ['commandsMs', 'commands out of the inbox'],
  ['proposeMs', 'propose, encode accepts'],
  ['commitMs', 'commits of the log'],
  ['persistedMs', 'after the commit: step, answers'],
  ['executeMs', 'execution, replies'],
  ['stateCommitMs', 'commits of states'],
  ['keepMs', 'checkpoints, trimming'],
  ['reportMs', 'reports, end of the round'],
  ['parkedMs', 'parked'],
]

/** What a node's threads did between two views of it, for each of the `commands` that the cluster took meanwhile. */
export function timeBudget(before: NodeView, after: NodeView, commands: number, seconds: number): string {
  const instances = total(after, 'instancesExecuted') - total(before, 'instancesExecuted')
  const rounds = total(after, 'rounds') - total(before, 'rounds')
  const turns = after.main.turns - before.main.turns
  const wall = seconds * 1000
  const row = (name: string, ms: number, threads: number) => {
    const each = [(ms * 1000) / commands, (ms * 1000) / instances].map((micros) => micros.toFixed(2))
    return [name, ...each, percent(ms / wall / threads)]
  }
  const main = MAIN_ROWS.map(([key, name]) => [name, after.main[key] - before.main[key]] as const)
  const active = after.main.activeMs - before.main.activeMs
  const rest = active - main.reduce((sum, [, ms]) => sum + ms, 0)
  const threads = after.workers.length
  const workers = WORKER_ROWS.map(([key, name]) => [name, total(after, key) - total(before, key)] as const)
  const head = (name: string) => [name, 'µs/command', 'µs/instance', 'of the time']
  const role = after.leads > 0 ? `leads ${after.leads} groups` : 'follows'
  return [
    `Node ${after.node} (${role}): ${(commands / instances).toFixed(1)} commands an instance, ${(rounds / instances).toFixed(2)} rounds and ${(turns / instances).toFixed(2)} turns an instance`,
    columns(head('main thread, by the clock'), [
      ...main.map(([name, ms]) => row(name, ms, 1)),
      row('rest: sockets, libuv, application', rest, 1),
      row('asleep', after.main.idleMs - before.main.idleMs, 1),
    ]),
    columns(
      head(`${threads} group thread${threads === 1 ? '' : 's'}, by the clock`),
      workers.map(([name, ms]) => row(name, ms, threads)),
    ),
    processorTable(before, after, row, wall),
  ].join('\n')
}

/** Processor time, which the clock's figures contain, and the waits for a core, which they contain too. */
function processorTable(
  before: NodeView,
  after: NodeView,
  row: (name: string, ms: number, threads: number) => string[],
  wall: number,
): string {
  const all = after.cpuMs - before.cpuMs
  const main = since(before, after, [after.mainThread])
  const groups = since(
    before,
    after,
    after.workers.map(({ counters }) => counters.osThread),
  )
  const waited = (ms: number, threads: number) => percent(ms / wall / threads)
  const rows: string[][] = []
  if (main !== undefined) rows.push([...row('main thread', main.cpuMs, 1), waited(main.waitedMs, 1)])
  const threads = after.workers.length
  if (groups !== undefined)
    rows.push([...row('group threads', groups.cpuMs, threads), waited(groups.waitedMs, threads)])
  if (main !== undefined && groups !== undefined)
    rows.push([...row('all others (V8, libuv)', all - main.cpuMs - groups.cpuMs, 1), ''])
  rows.push([...row('the process', all, 1), ''])
  return columns(['processor', 'µs/command', 'µs/instance', 'of a core each', 'waiting for a core'], rows)
}

/** Undefined where the system does not tell of threads. */
function since({ threads: before }: NodeView, { threads: after }: NodeView, numbers: readonly number[]) {
  let cpuMs = 0
  let waitedMs = 0
  for (const number of numbers) {
    const now = after[number]
    if (now === undefined) return undefined
    cpuMs += now.cpuMs - (before[number]?.cpuMs ?? 0)
    waitedMs += now.waitedMs - (before[number]?.waitedMs ?? 0)
  }
  return { cpuMs, waitedMs }
}

function total({ workers }: NodeView, counter: keyof NodeStatus['workers'][number]['counters']): number {
  return workers.reduce((sum, { counters }) => sum + counters[counter], 0)
}
