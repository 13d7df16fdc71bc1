import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../native-bench/free-ports.js'
import { KvClient } from '../../native-bench/kv/kv-client.js'
import { readTrace, type SystemCall, straceArguments } from '../store/support/system-calls.js'
import { ORDER_CALLS } from './order-judge.js'
import type { StatusView } from './verify.js'

/** The nodes of a recorded run. */
export const NODES = [1, 2, 3]
const GROUPS = 2
const GIVE_UP_MS = 30_000
const lives = new Set<TracedNode>()
process.on('exit', () => {
  for (const life of lives) life.kill()
})

/** A node of examples/kv under strace, which ends when the node does, and has then written all of its trace. */
class TracedNode {
  readonly ready: Promise<void>
  readonly ended: Promise<unknown>
  readonly #tracer: ChildProcess
  #output = ''

  constructor(trace: string, command: readonly string[]) {
    const args = [...straceArguments(trace, ORDER_CALLS), process.execPath, ...command]
    this.#tracer = spawn('strace', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    lives.add(this)
    this.ended = once(this.#tracer, 'exit').then(() => lives.delete(this))
    const lines = [this.#tracer.stdout!, this.#tracer.stderr!].map((input) => createInterface({ input }))
    this.ready = new Promise((resolve, reject) => {
      const no = (why: string) => reject(new Error(`a traced node ${why}\n${this.#output}`))
      const timer = setTimeout(() => no('is not ready'), GIVE_UP_MS)
      void this.ended.then(() => {
        clearTimeout(timer)
        no('ended before it was ready')
      })
      for (const each of lines) {
        each.on('line', (line) => {
          this.#output += `${line}\n`
          if (!line.startsWith('ready:')) return
          clearTimeout(timer)
          resolve()
        })
      }
    })
    // One that is killed while it starts has nobody who waits for it.
    this.ready.catch(() => undefined)
  }

  /** SIGKILL for the node: strace would only let go of it. */
  kill(): void {
    const { pid } = this.#tracer
    if (pid === undefined || !lives.has(this)) return
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      for (const child of children.split(' ').filter(Boolean)) process.kill(Number(child), 'SIGKILL')
    } catch (error) {
      // It ended just now.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

/**
 * Three real nodes, all traced: an election, some writes, the leader killed, another election, some more writes. Gives
 * what each node asked of the system. `dist` is the compiled project, `scratch` an empty directory. With `patienceMs`,
 * writes may stay without an answer: of nodes that are not in order.
 */
export async function recordRun(dist: string, scratch: string, patienceMs?: number): Promise<SystemCall[][]> {
  const ports = await freePorts(NODES.length * 2)
  const addresses = ports.slice(0, 3).map((port) => `127.0.0.1:${port}`)
  const http = ports.slice(3)
  const client = new KvClient((nodeId) => http[nodeId - 1]!)
  const trace = (nodeId: number) => join(scratch, `${nodeId}.trace`)
  const nodes = NODES.map((nodeId) => {
    const data = ['--data', join(scratch, `${nodeId}`), '--groups', `${GROUPS}`, '--timeout', '1000']
    const net = ['--node', `${nodeId}`, '--nodes', addresses.join(','), '--http', `127.0.0.1:${http[nodeId - 1]}`]
    return new TracedNode(trace(nodeId), [join(dist, 'examples/kv/main.js'), ...net, ...data])
  })
  try {
    await Promise.all(nodes.map(({ ready }) => ready))
    await write(client, NODES, 40, patienceMs)
    const { groups } = await client.status<StatusView>(1)
    const leader = groups.find((group) => group.leader > 0)?.leader ?? 1
    nodes[leader - 1]!.kill()
    await write(
      client,
      NODES.filter((nodeId) => nodeId !== leader),
      20,
      patienceMs,
    )
  } finally {
    client.close()
    for (const node of nodes) node.kill()
    await Promise.all(nodes.map(({ ended }) => ended))
  }
  return NODES.map((nodeId) => readTrace(trace(nodeId)))
}

/** Every tenth goes past the journal, in a commit of LMDB. */
function textOf(number: number): string {
  return `value ${number}`.padEnd(number % 10 === 0 ? 70_000 : 0, '.')
}

/** So many acknowledged writes, over several keys and through all of the given nodes, some of them at once. */
async function write(client: KvClient, nodeIds: readonly number[], count: number, patienceMs?: number): Promise<void> {
  const until = performance.now() + (patienceMs ?? GIVE_UP_MS)
  const one = async (number: number): Promise<void> => {
    for (;;) {
      const { kind } = await client.put(nodeIds[number % nodeIds.length]!, `key/${number}`, textOf(number))
      if (kind === 'done') return
      const isLate = performance.now() > until
      if (isLate && patienceMs !== undefined) return
      if (isLate) throw new Error(`write ${number} was not acknowledged: ${kind}`)
      await sleep(20)
    }
  }
  for (let i = 0; i < count; i += 4) await Promise.all([i, i + 1, i + 2, i + 3].map(one))
}
