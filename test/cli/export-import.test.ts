import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeBuiltIn } from '../../src/codec/built-in-state.js'
import { readCheckpointManifest } from '../../src/store/checkpoint-data.js'
import { readManifest } from '../../src/store/manifest.js'
import { LocalCluster, until } from '../host/local-cluster.js'
import { COMMANDS, cli, cliJson, pictureOf, SAMPLE_OPTIONS, startSample } from './support/sample-node.js'

/** What `fill` adds up to under each name. */
const SUM = (name: number) =>
  Array.from({ length: COMMANDS }, (_, k) => (k % 3 === name ? k : 0)).reduce((a, b) => a + b, 0)

let cluster: LocalCluster
let directory: string
let scratch: string
let made: number[]
let backup: string

beforeAll(async () => {
  cluster = await startSample()
  directory = join(cluster.base, '1')
  scratch = mkdtempSync(join(tmpdir(), 'shardpaxos-export-'))
  // Beside the running node, while it goes on.
  const instances = await Promise.all([0, 1, 2].map((group) => cluster.node(1).group(group).checkpoint()))
  made = instances.map(({ instance }) => instance)
  backup = join(scratch, 'backup')
  const load = cluster
    .node(2)
    .group(0)
    .proposeMany(Array.from({ length: 100 }, () => ({ name: 'later', add: 1 })))
  expect(cli('export', directory, '--all', '--out', backup)).toMatchObject({ status: 0, stderr: '' })
  await load
})
afterAll(async () => {
  await cluster?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

describe('export', () => {
  test('writes a file for each group, and changes nothing', () => {
    expect(readdirSync(backup).sort()).toEqual(['group-0.checkpoint', 'group-1.checkpoint', 'group-2.checkpoint'])
    const before = pictureOf(join(directory, 'store-0000', 'checkpoints'))
    const file = join(scratch, 'one.checkpoint')
    const { status, lines } = cli('export', directory, '--group', '0', '--out', file)
    expect(status).toBe(0)
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^group 0: checkpoint of instance ${made[0]} in .*one.checkpoint`)),
    ])
    expect(readFileSync(file)).toEqual(readFileSync(join(backup, 'group-0.checkpoint')))
    expect(pictureOf(join(directory, 'store-0000', 'checkpoints'))).toEqual(before)
  })

  test('of an older one by its instance, and says which there are', () => {
    const folders = readdirSync(join(directory, 'store-0000', 'checkpoints', 'group-0')).filter((name) =>
      /^\d+$/.test(name),
    )
    const oldest = Math.min(...folders.map(Number))
    expect(oldest).toBeLessThan(made[0] ?? 0)
    const file = join(scratch, 'older.checkpoint')
    expect(cli('export', directory, '--group', '0', '--instance', String(oldest), '--out', file).status).toBe(0)
    const none = cli('export', directory, '--group', '0', '--instance', '3', '--out', join(scratch, 'none'))
    expect(none.status).toBe(2)
    expect(none.stderr).toContain(`There are: ${made[0]}, ${oldest}`)
  })

  test('overwrites nothing, and refuses what makes no sense', () => {
    const file = join(scratch, 'there')
    writeFileSync(file, 'mine')
    expect(cli('export', directory, '--group', '0', '--out', file).status).toBe(2)
    expect(cli('export', directory, '--all', '--out', scratch).status).toBe(2)
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect(cli('export', directory, '--out', join(scratch, 'x')).status).toBe(2)
    expect(cli('export', directory, '--all', '--group', '1', '--out', join(scratch, 'x')).status).toBe(2)
  })

  test('of a damaged checkpoint leaves no file', () => {
    const copy = join(scratch, 'damaged')
    cpSync(directory, copy, { recursive: true })
    const data = join(copy, 'store-0000/checkpoints/group-0', String(made[0]).padStart(12, '0'), 'data')
    const bytes = readFileSync(data)
    bytes[20] = (bytes[20] ?? 0) ^ 1
    writeFileSync(data, bytes)
    const out = join(scratch, 'out-of-damaged')
    const { status, stderr } = cli('export', copy, '--group', '0', '--out', out)
    expect(status).toBe(2)
    expect(stderr).toContain('the checksum of block 0 does not fit')
    expect(readdirSync(scratch).filter((name) => name.startsWith('out-of-damaged'))).toEqual([])
  })
})

describe('import', () => {
  let seeded: LocalCluster | undefined
  afterEach(async () => {
    await seeded?.stop()
    seeded = undefined
  })

  test('makes directories of a new cluster that begins with the state, and goes on', async () => {
    seeded = new LocalCluster(SAMPLE_OPTIONS)
    await seeded.lay(3)
    expect(cli('import', backup, '--nodes', '1,2,3', '--out', seeded.base)).toMatchObject({ status: 0, stderr: '' })
    for (const id of [1, 2, 3]) expect(cliJson('verify', join(seeded.base, String(id)), '--deep').all).toHaveLength(1)
    const genesis = readManifest(join(seeded.base, '1'))?.genesis
    expect(genesis?.clusterId).not.toBe(readManifest(directory)?.genesis?.clusterId)
    await Promise.all([1, 2, 3].map((id) => seeded!.up(id)))
    for (const [group, instance] of made.entries()) {
      const handle = seeded.node(3).group(group)
      for (const name of [0, 1, 2]) expect(await handle.read(`sum ${name}`)).toBe(2 * SUM(name))
      expect(await handle.read('second 17', { machine: 3 })).toBe('second text 17')
      expect(await handle.read('later')).toBe(0)
      const answer = await handle.propose({ name: 'sum 0', add: 5 })
      expect(answer.result).toBe(2 * SUM(0) + 5)
      // Nothing of the old log is used again.
      expect(answer.instance).toBeGreaterThan(instance)
      await handle.propose({ key: 'new', text: 'of the new cluster' }, { machine: 3 })
    }
    await seeded.settle()
    for (const node of seeded.nodes.values())
      for (const { firstKept, group } of node.status().groups) expect(firstKept).toBe((made[group] ?? 0) + 1)
    expect(seeded.alarms.filter(({ code }) => code !== 'LOOP_DELAYED')).toEqual([])
    // And over a restart of all of them.
    await Promise.all([1, 2, 3].map((id) => seeded!.down(id)))
    await Promise.all([1, 2, 3].map((id) => seeded!.up(id)))
    await until(async () => (await seeded!.node(1).group(1).read('new', { machine: 3 })) === 'of the new cluster')
    await Promise.all([1, 2, 3].map((id) => seeded!.down(id)))
    for (const id of [1, 2, 3]) expect(cliJson('verify', join(seeded.base, String(id))).status).toBe(0)
  })

  test('nothing of the old sessions is left, and the positions are', () => {
    const out = join(scratch, 'sessions')
    expect(cli('import', backup, '--nodes', '7', '--out', out, '--stores', '1').status).toBe(0)
    const name = String(made[0]).padStart(12, '0')
    const was = readCheckpointManifest(join(directory, 'store-0000/checkpoints/group-0', name)).manifest
    const now = readCheckpointManifest(join(out, '7/store-0000/checkpoints/group-0', name)).manifest
    expect(decodeBuiltIn(was.builtIn).sessions).not.toEqual([])
    expect(decodeBuiltIn(now.builtIn).sessions).toEqual([])
    const { instance, chain, digest, machines, createdAt } = was
    expect(now).toMatchObject({ instance, chain, digest, machines, createdAt, group: 0 })
    expect(now.membership).toEqual({ version: 0, voters: readManifest(join(out, '7'))?.genesis?.voters })
    expect(readdirSync(join(out, '7')).sort()).toEqual(['manifest.json', 'store-0000'])
  })

  test('wants a file of each group, or to be told that the others begin empty', async () => {
    seeded = new LocalCluster(SAMPLE_OPTIONS)
    await seeded.lay(1)
    const file = join(backup, 'group-1.checkpoint')
    const refused = cli('import', file, '--nodes', '1', '--out', seeded.base)
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain('no file of group 0, 2')
    expect(cli('import', file, '--nodes', '1', '--out', seeded.base, '--empty-groups').status).toBe(0)
    await seeded.up(1)
    expect(await seeded.node(1).group(1).read('sum 1')).toBe(2 * SUM(1))
    expect(await seeded.node(1).group(0).read('sum 1')).toBe(0)
    expect((await seeded.node(1).group(0).propose({ name: 'sum 1', add: 3 })).result).toBe(3)
  })

  test('refuses damaged files and strangers, and leaves nothing behind', async () => {
    const out = join(scratch, 'refused')
    const bad = join(scratch, 'bad')
    const tries = (at: number, bit: number) => {
      rmSync(bad, { recursive: true, force: true })
      cpSync(backup, bad, { recursive: true })
      const file = join(bad, 'group-2.checkpoint')
      const bytes = readFileSync(file)
      const place = at < 0 ? bytes.length + at : at
      bytes[place] = (bytes[place] ?? 0) ^ bit
      writeFileSync(file, bytes)
      return cli('import', bad, '--nodes', '1,2', '--out', out)
    }
    // In the header, in the manifest, and in a block, which is met when it is copied.
    for (const at of [5, 13, 60, -3]) {
      expect(tries(at, 4)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('group-2.checkpoint is damaged'),
      })
      expect(existsSync(out) ? readdirSync(out) : []).toEqual([])
    }
    const twice = cli('import', backup, join(backup, 'group-0.checkpoint'), '--nodes', '1', '--out', out)
    expect(twice).toMatchObject({ status: 2, stderr: expect.stringContaining('a second checkpoint of group 0') })
    mkdirSync(join(out, '2'), { recursive: true })
    expect(cli('import', backup, '--nodes', '1,2', '--out', out)).toMatchObject({ status: 2 })
    expect(readdirSync(out)).toEqual(['2'])
    for (const nodes of ['', '0', '1,1', '1,x'])
      expect(cli('import', backup, '--nodes', nodes, '--out', out).status).toBe(2)
    expect(cli('import', backup, '--nodes', '1', '--out', join(out, 'a'), '--stores', '4').status).toBe(2)
  })

  test('files of two clusters are not mixed', () => {
    const other = join(scratch, 'other')
    expect(cli('import', backup, '--nodes', '1', '--out', other).status).toBe(0)
    const file = join(scratch, 'of-another')
    expect(cli('export', join(other, '1'), '--group', '0', '--out', file).status).toBe(0)
    const mixed = cli(
      'import',
      file,
      join(backup, 'group-1.checkpoint'),
      '--nodes',
      '1',
      '--out',
      join(scratch, 'mixed'),
      '--empty-groups',
    )
    expect(mixed).toMatchObject({ status: 2, stderr: expect.stringContaining('Give files of one cluster') })
  })
})
