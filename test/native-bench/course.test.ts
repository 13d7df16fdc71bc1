import { describe, expect, test } from '@jest/globals'
import { Course, type CoursePoint } from '../../native-bench/course.js'
import { courseCharts } from '../../native-bench/html/course-charts.js'
import { sections } from '../../native-bench/html/sections.js'
import type { LoadSample } from '../../native-bench/load/load-counts.js'
import type { ProcessSample } from '../../native-bench/measure.js'
import { figuresTable } from '../../native-bench/report.js'
import { run } from './runs.js'

const load = (commands: number, seconds: number): LoadSample => {
  return { commands, reads: 1, errors: 0, missed: 0, seconds, p99Ms: 1 }
}

const sample = (rssBytes: number, mappedBytes: number | undefined, dataBytes: number): ProcessSample => {
  return { node: 1, usage: { cpuMs: 1, rssBytes, mappedBytes, writtenBytes: 0 }, dataBytes, commits: 0, instances: 0 }
}

function point(seconds: number, commands: number, ownMegabytes: number, mappedMegabytes?: number): CoursePoint {
  return { seconds, commands, nodes: [{ node: 1, ownMegabytes, mappedMegabytes, dataMegabytes: ownMegabytes / 10 }] }
}

const neverAsked = () => Promise.reject(new Error('asked'))

describe('the course of a run', () => {
  test('goes from its beginning to its end', () => {
    const course = new Course(60)
    course.begin([sample(200e6, 50e6, 10e6)], neverAsked)
    expect(course.end([load(99, 60)], [sample(210e6, undefined, 20e6)])).toEqual([
      { seconds: 0, commands: 0, nodes: [{ node: 1, ownMegabytes: 150, mappedMegabytes: 50, dataMegabytes: 10 }] },
      {
        seconds: 60,
        commands: 100,
        nodes: [{ node: 1, ownMegabytes: 210, mappedMegabytes: undefined, dataMegabytes: 20 }],
      },
    ])
  })

  test('is empty of a short run', () => {
    const course = new Course(59)
    course.begin([sample(1, 1, 1)], neverAsked)
    expect(course.end([load(1, 59)], [sample(1, 1, 1)])).toEqual([])
  })

  const course = [0, 30, 61, 90, 119, 120].map((seconds) => point(seconds, seconds * 1_000, 200 + seconds, 50))

  test('is told by quarters', () => {
    const lines = figuresTable(run({}, { course }).figures).split('\n').slice(-5)
    expect(lines.map((line) => line.trim().replaceAll(/ {2,}/g, '|'))).toEqual([
      'after seconds|0|30|61|90|120',
      'commands/s until then|1,000|1,000|1,000|1,000',
      'node 1, MB of memory|200|230|261|290|320',
      'node 1, MB of mapped files|50|50|50|50|50',
      'node 1, MB on disk|20|23|26|29|32',
    ])
  })

  test('is a line for each node in the report, and nothing where there is none', () => {
    const [section] = sections([run({ groups: 1 }, { course }), run({ groups: 2 })])
    const charts = courseCharts(section!)
    expect(charts.map(({ data }) => data.datasets.map(({ label, data }) => [label, data.map(({ y }) => y)]))).toEqual([
      [['node 1', [200, 230, 261, 290, 319, 320]]],
      [['node 1', [20, 23, 26.1, 29, 31.9, 32]]],
    ])
    expect(charts[0]!.data.datasets[0]!.data[1]!.note).toBe(
      'after 30 s, 1,000 commands/s: 230 MB, and 50 of mapped files',
    )
  })
})
