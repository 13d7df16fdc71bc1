import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../free-ports.js'
import { ServerProcess } from '../server-process.js'
import { makeWorkDir, removeWorkDir } from '../work-dir.js'
import type { PutService } from './put-service.js'

const MEMBERS = 3
const LEADER_MS = 20_000
const POLL_MS = 50
const isReady = (line: string): boolean => line.includes('serving client traffic')

/** The first line of `etcd --version`; undefined: it is not installed. */
export function etcdVersion(): string | undefined {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n')[0] : undefined
}

/** Members of etcd on loopback as it comes: every write is flushed, heartbeats and snapshots by its defaults. */
export class EtcdCluster implements PutService {
  readonly #dir: string
  readonly #clientPorts: readonly number[]
  readonly #peerPorts: readonly number[]
  readonly #processes: ServerProcess[] = []
  #leader = 0
  readonly #spread: boolean

  private constructor(dir: string, ports: readonly number[], spread: boolean) {
    this.#dir = dir
    this.#clientPorts = ports.slice(0, MEMBERS)
    this.#peerPorts = ports.slice(MEMBERS)
    this.#spread = spread
  }

  /** `data`: where the temporary directory is made; `spread`: the load goes to all members. */
  static async start(data: string | undefined, spread: boolean): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(makeWorkDir('etcd', data), await freePorts(MEMBERS * 2), spread)
    try {
      for (let member = 0; member < MEMBERS; member++) cluster.#spawn(member)
      await Promise.all(cluster.#processes.map(({ ready }) => ready))
      cluster.#leader = await cluster.#findLeader()
      return cluster
    } catch (error) {
      await cluster.end()
      throw error
    }
  }

  get ports(): readonly number[] {
    return this.#spread ? this.#clientPorts : [this.#clientPorts[this.#leader]!]
  }

  get pids(): readonly number[] {
    return this.#processes.map(({ pid }) => pid)
  }

  async read(key: string): Promise<string | undefined> {
    const body = { key: Buffer.from(key).toString('base64') }
    const member = (this.#leader + 1) % MEMBERS
    const { kvs } = await this.#ask<{ kvs?: { value: string }[] }>(member, '/v3/kv/range', body)
    return kvs?.[0] && Buffer.from(kvs[0].value, 'base64').toString()
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()))
    removeWorkDir(this.#dir)
  }

  #spawn(member: number): void {
    const url = (ports: readonly number[], i: number) => `http://127.0.0.1:${ports[i]}`
    const client = url(this.#clientPorts, member)
    const peer = url(this.#peerPorts, member)
    const all = this.#peerPorts.map((_, i) => `member-${i}=${url(this.#peerPorts, i)}`).join(',')
    const args = [
      ...['--name', `member-${member}`, '--data-dir', join(this.#dir, String(member)), '--logger', 'zap'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', all, '--initial-cluster-state', 'new'],
    ]
    this.#processes.push(new ServerProcess('etcd', args, isReady, {}))
  }

  async #findLeader(): Promise<number> {
    for (const deadline = performance.now() + LEADER_MS; performance.now() < deadline; await sleep(POLL_MS)) {
      for (let member = 0; member < MEMBERS; member++) {
        const { header, leader } = await this.#ask<Status>(member, '/v3/maintenance/status', {})
        if (leader === header.member_id) return member
      }
    }
    throw new Error(`etcd had no leader after ${LEADER_MS} ms`)
  }

  async #ask<T>(member: number, path: string, body: object): Promise<T> {
    const url = `http://127.0.0.1:${this.#clientPorts[member]}${path}`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`POST ${path} of etcd gave ${response.status}: ${text}`)
    return JSON.parse(text) as T
  }
}

interface Status {
  readonly header: { readonly member_id: string }
  readonly leader: string
}
