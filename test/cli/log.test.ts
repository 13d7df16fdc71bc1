import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Head } from '../../src/core/durable.js'
import { recordKey } from '../../src/store/log-keys.js'
import { type LocalCluster, until } from '../host/local-cluster.js'
import { flipBit } from '../store/support/raw-environment.js'
import { cli, cliJson, copyOfDirectory, headsOf, MAIN, pictureOf, startSample } from './support/sample-node.js'

let cluster: LocalCluster
let directory: string
/** Of the stopped node. */
let heads: Head[]

beforeAll(async () => {
  cluster = await startSample()
  directory = join(cluster.base, '1')
})
afterAll(() => cluster?.stop())

/** What it has printed so far, of a process that goes on. */
function follow(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'log', ...args, '--follow', '--json'])
  const seen: Record<string, unknown>[] = []
  let rest = ''
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) seen.push(JSON.parse(line))
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { seen, errors: () => errors, ended, kill: () => child.kill() }
}

const texts = (seen: Record<string, unknown>[]) => JSON.stringify(seen)

describe('beside a running node', () => {
  test('follows what is chosen, and the node goes on committing, checkpoints included', async () => {
    const tail = follow(directory, '--group', '0')
    await until(() => tail.seen.length > 5)
    expect(tail.seen[0]).toMatchObject({ type: 'head', group: 0, firstKept: 1 })
    // As with tail: the last ten.
    expect(tail.seen[1]).toMatchObject({
      type: 'record',
      instance: (tail.seen[0]?.chosenUpTo as number) - 9,
      state: 'chosen',
    })
    await cluster.node(2).group(0).propose({ name: 'while it is read', add: 1 })
    await until(() => texts(tail.seen).includes('while it is read'))
    await cluster.node(1).group(0).checkpoint()
    await cluster.node(1).group(0).propose({ name: 'behind a checkpoint', add: 1 })
    await until(() => texts(tail.seen).includes('behind a checkpoint'))
    tail.kill()
    await tail.ended
    await cluster.node(1).group(0).propose({ name: 'after the reader', add: 1 })
    const instances = tail.seen.slice(1).map(({ instance }) => instance)
    expect(instances).toEqual(instances.map((_, k) => (instances[0] as number) + k))
    expect(cluster.alarms.filter(({ code }) => code !== 'LOOP_DELAYED')).toEqual([])
  })

  test('a follower outlives the restart of its node, and leaves the store alone while it is down', async () => {
    const tail = follow(directory, '--group', '2')
    await until(() => tail.seen.length > 5)
    await cluster.down(1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const before = pictureOf(join(directory, 'store-0000'))
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(pictureOf(join(directory, 'store-0000'))).toEqual(before)
    await cluster.up(1)
    await cluster.node(1).group(2).propose({ name: 'after the restart', add: 1 })
    await until(() => texts(tail.seen).includes('after the restart'))
    await cluster.node(1).group(2).propose({ name: 'and on', add: 1 })
    await until(() => texts(tail.seen).includes('and on'))
    expect(tail.errors()).toBe('')
    tail.kill()
    await tail.ended
    expect(cluster.alarms.filter(({ code }) => code !== 'LOOP_DELAYED')).toEqual([])
  })

  test('ends by itself where --to says', async () => {
    const tail = follow(directory, '--group', '0', '--from', '2', '--to', '4')
    expect(await tail.ended).toBe(0)
    expect(tail.seen.map(({ instance }) => instance)).toEqual([undefined, 2, 3, 4])
  })
})

describe('of a stopped node', () => {
  beforeAll(async () => {
    await cluster.settle()
    await cluster.down(1)
    heads = headsOf(directory)
  })

  test('prints heads and records as text, decoded', () => {
    const { status: ended, lines } = cli('log', directory, '--group', '0', '--to', '40')
    expect(ended).toBe(0)
    const chain = heads[0]?.chain.toString(16).padStart(8, '0')
    expect(lines[0]).toMatch(
      new RegExp(`^group 0: promised \\d+\\.\\d, chosen up to ${heads[0]?.chosenUpTo} with chain ${chain}, `),
    )
    expect(lines[1]).toMatch(/^0\/1 {2}chosen {2}(ballot \d+\.\d|learned) {2}\d+ B$/)
    expect(lines[2]).toMatch(/^ {2}from node 1 \([0-9a-f]{16}\): opens a session$/)
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}from node 1 \([0-9a-f]{16}\): session 1, command \d+$/))
    expect(lines).toContainEqual('    machine 1: {"name":"sum 1","add":1}')
    expect(lines).toContainEqual('    machine 3: {"key":"first 3","text":"first text 3"}')
  })

  test('prints them as JSON, in the same order and with all there is', () => {
    const { status: ended, all } = cliJson('log', directory)
    expect(ended).toBe(0)
    for (const group of [0, 1, 2]) {
      const { chosenUpTo, firstKept } = heads[group]!
      const mine = all.filter((line) => line.group === group)
      expect(mine[0]).toMatchObject({ type: 'head', chosenUpTo, firstKept })
      const instances = mine.slice(1).map(({ instance }) => instance)
      expect(instances).toEqual(Array.from({ length: chosenUpTo - firstKept + 1 }, (_, k) => firstKept + k))
    }
    const commands = all.flatMap((line) => (line.runs as { commands: unknown[] }[] | undefined) ?? [])
    expect(commands.flatMap((run) => run.commands)).toContainEqual(
      expect.objectContaining({ machine: 3, encoding: 'cbor', payload: '{"key":"first 3","text":"first text 3"}' }),
    )
  })

  test('shortens long commands unless told otherwise', async () => {
    const long = 'x'.repeat(500)
    await cluster.node(2).group(0).propose({ key: 'long', text: long }, { machine: 3 })
    await cluster.settle()
    await cluster.down(2)
    const other = join(cluster.base, '2')
    const short = cli('log', other, '--group', '0', '--limit', '1').lines.at(-1)
    expect(short).toMatch(/^ {4}machine 3: \{"key":"long","text":"x+… \(\d+ B\)$/)
    const whole = cli('log', other, '--group', '0', '--limit', '1', '--values').lines.at(-1)
    expect(whole).toBe(`    machine 3: {"key":"long","text":"${long}"}`)
    await cluster.up(2)
  })

  test('--limit counts from --from on, and else from the end; what is trimmed is said', () => {
    const { chosenUpTo, firstKept } = heads[1]!
    const instances = (...args: string[]) => cliJson('log', directory, '--group', '1', ...args).all.slice(1)
    expect(instances('--limit', '2').map(({ instance }) => instance)).toEqual([chosenUpTo - 1, chosenUpTo])
    const first = instances('--from', '1', '--limit', '1')
    expect(first[0]).toEqual({ type: 'missing', group: 1, from: 1, upTo: firstKept - 1, why: 'trimmed' })
    expect(first.slice(1).map(({ instance }) => instance)).toEqual([firstKept])
  })

  test('writes nothing, also where there is no lock file of LMDB', () => {
    for (const store of ['store-0000', 'store-0001']) rmSync(join(directory, store, 'log', 'lock.mdb'))
    const before = pictureOf(directory)
    expect(cli('log', directory).status).toBe(0)
    expect(pictureOf(directory)).toEqual(before)
  })

  test('goes on behind a record that cannot be read, and ends with 1', () => {
    const copy = copyOfDirectory(directory)
    flipBit(join(copy, 'store-0000/log'), recordKey(new Uint8Array(8), 0, 5), 400)
    const { status: ended, lines } = cli('log', copy, '--group', '0', '--to', '6')
    expect(ended).toBe(1)
    expect(lines).toContain('0/5  UNREADABLE (checksum)')
    expect(lines).toContainEqual(expect.stringMatching(/^0\/6 {2}chosen/))
  })

  test('refuses what is no data directory, and groups that there are not', () => {
    expect(cli('log', join(directory, 'store-0000'))).toMatchObject({ status: 2 })
    const { status: ended, stderr } = cli('log', directory, '--group', '3')
    expect(ended).toBe(2)
    expect(stderr).toContain('has the groups 0 to 2, and no group 3')
    expect(cli('log', directory, '--from', 'x').status).toBe(2)
  })
})
