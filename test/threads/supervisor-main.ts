import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PaxosError, PaxosNode } from '../../src/index.js'
import { LocalCluster, machineUrl, until } from '../host/local-cluster.js'

/**
 * What user code and disks may do to a worker, over and over, while the neighbours are watched:
 *
 *   node supervisor-main.js loop|hog|exit|throw|hang|mixed <times>   then stops cleanly and exits by itself
 *   node supervisor-main.js die                                hangs in a commit and stops: SIGKILL by its own hand
 *
 * Group 0 of node 1 is the victim; group 1 has another thread on the same node.
 */
const MODES = ['loop', 'hog', 'exit', 'throw', 'hang'] as const
type Mode = (typeof MODES)[number]

const USER_CODE_MS = 400
const STALL_MS = 400

/** Proposes to the neighbour all the time, on the victim's node and on another. */
class Watch {
  readonly errors: string[] = []
  calls = 0
  longestMs = 0
  #running = true
  readonly #ended: Promise<unknown>

  constructor(nodes: readonly PaxosNode[]) {
    this.#ended = Promise.all(nodes.map((node) => this.#run(node)))
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#ended
  }

  async #run(node: PaxosNode): Promise<void> {
    while (this.#running) {
      const before = performance.now()
      try {
        await node.group(1).propose({ add: 1 }, { timeoutMs: 20_000 })
      } catch (error) {
        this.errors.push(`${(error as PaxosError).code}: ${(error as Error).message}`)
      }
      this.calls++
      this.longestMs = Math.max(this.longestMs, performance.now() - before)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

async function start(): Promise<LocalCluster> {
  return LocalCluster.start(3, {
    stateMachines: [machineUrl('unruly')],
    timeouts: { userCodeMs: USER_CODE_MS, diskStallMs: STALL_MS, maxRestartMs: 150 },
    memory: { workerHeapMegabytes: 64, controlRingBytes: 4 << 20, outboxRingBytes: 4 << 20 },
    testing: { workerUrl: new URL('../support/hanging-worker.js', import.meta.url) },
  })
}

function hangFile(cluster: LocalCluster): string {
  return join(cluster.options(1).dataDir, 'store-0000', 'hang')
}

/** Misbehaves once; resolves when the group runs again and has lost nothing. */
async function once(cluster: LocalCluster, mode: Mode, acknowledged: number): Promise<void> {
  const victim = cluster.node(1).group(0)
  const others = cluster.node(2).group(0)
  if (mode === 'hang') {
    writeFileSync(hangFile(cluster), '')
    const waiting = victim.propose({ add: 0 }, { timeoutMs: 20_000 }).catch(() => undefined)
    await until(() => victim.status().state === 'stalled')
    const refused = await victim.propose({ add: 0 }).catch((error: PaxosError) => error.code)
    if (refused !== 'STALLED') throw new Error(`a stalled group answered ${JSON.stringify(refused)}`)
    // The others go on without the one that cannot write.
    await others.propose({ add: 0 }, { timeoutMs: 10_000 })
    rmSync(hangFile(cluster))
    await until(() => victim.status().state !== 'stalled')
    await waiting
  } else if (mode === 'throw') {
    await victim.read(mode, { consistency: 'local' })
    const error = (await victim.propose({ add: 0 }, { timeoutMs: 20_000 }).catch((e) => e)) as PaxosError
    if (error.code !== 'GROUP_RESTARTED' || error.outcome !== 'unknown')
      throw new Error(`a throw ended as ${error.code}`)
  } else {
    const error = (await victim.read(mode, { consistency: 'local', timeoutMs: 20_000 }).catch((e) => e)) as PaxosError
    if (error.code !== 'GROUP_RESTARTED') throw new Error(`${mode} ended as ${error.code}: ${error.message}`)
  }
  await until(() => victim.status().state === 'running')
  await until(async () => {
    const value = await victim.read(undefined, { consistency: 'local' }).catch(() => -1)
    return (value as number) >= acknowledged
  })
}

async function misbehave(mode: Mode | 'mixed', times: number): Promise<void> {
  const cluster = await start()
  let acknowledged = 0
  for (let i = 0; i < 20; i++) acknowledged = (await cluster.node(1).group(0).propose({ add: 1 })).result as number
  const watch = new Watch([cluster.node(1), cluster.node(2)])
  for (let i = 0; i < times; i++) {
    await once(cluster, mode === 'mixed' ? (MODES[i % MODES.length] as Mode) : mode, acknowledged)
    acknowledged = (await cluster.node(1).group(0).propose({ add: 1 }, { timeoutMs: 20_000 })).result as number
  }
  await watch.stop()
  await cluster.settle()
  const neighbour = await cluster.node(3).group(1).read()
  await cluster.stop()
  const { errors, calls, longestMs } = watch
  console.log(JSON.stringify({ mode, times, acknowledged, neighbour, calls, longestMs: Math.round(longestMs), errors }))
  if (errors.length > 0 || acknowledged !== 20 + times || neighbour !== calls) process.exitCode = 1
}

/** Never returns by itself: whoever started this process sees the signal. */
async function die(): Promise<void> {
  const cluster = await start()
  await cluster.node(1).group(0).propose({ add: 1 })
  writeFileSync(hangFile(cluster), '')
  void cluster
    .node(1)
    .group(0)
    .propose({ add: 1 })
    .catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, 100))
  console.log('stopping')
  await cluster.node(1).stop({ graceMs: 100 })
  console.log('still here')
}

const [mode = 'mixed', times = '8'] = process.argv.slice(2)
await (mode === 'die' ? die() : misbehave(mode as Mode, Number(times)))
