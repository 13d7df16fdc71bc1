import { expect, test } from '@jest/globals'
import { MemoryLogStore } from '../../src/store/memory-log-store.js'
import { counterMachine } from './support/counter-machine.js'
import { NODES, TestCluster } from './support/test-cluster.js'

/** Counts its flushes, and has something to flush after each commit. */
class CountedLog extends MemoryLogStore {
  flushes = 0
  isRelaxed = false
  waits = false

  override get hasUnflushed(): boolean {
    return this.waits
  }

  override setRelaxed(isRelaxed?: boolean): void {
    this.isRelaxed = isRelaxed === true
  }

  override commit(...given: Parameters<MemoryLogStore['commit']>): void {
    super.commit(...given)
    this.waits = this.isRelaxed
  }

  override flush(): void {
    this.flushes++
    this.waits = false
  }
}

test('a worker that has nothing else to do wakes up for its flush', () => {
  const logs = new Map(NODES.map((node) => [node, new CountedLog()]))
  const cluster = new TestCluster({
    machines: [counterMachine],
    openLog: (node) => logs.get(node) as CountedLog,
    sync: { intervalMs: 500 },
  })
  cluster.host(1).propose(0, { add: 1 })
  cluster.run(() => cluster.host(1).replies.length === 1)
  cluster.runFor(1500)
  for (const log of logs.values()) {
    expect(log.isRelaxed).toBe(true)
    expect(log.waits).toBe(false)
    expect(log.flushes).toBeGreaterThan(0)
  }
})
