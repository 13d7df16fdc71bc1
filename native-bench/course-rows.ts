import type { CoursePoint, NodeSize } from './course.js'
import { whole } from './measure.js'

type Row = [name: string, value: string]

/** At the beginning and after each quarter of the time, and the speed in between. */
export function courseRows(course: readonly CoursePoint[]): Row[] {
  const end = course.at(-1)
  if (end === undefined) return []
  const at = [0, 0.25, 0.5, 0.75, 1].map((share) => nearest(course, share * end.seconds))
  const row = (name: string, cell: (point: CoursePoint, i: number) => string): Row => {
    return [name, at.map((point, i) => cell(point, i).padStart(11)).join('')]
  }
  const sizes = end.nodes.flatMap(({ node, mappedMegabytes }, i) => {
    const sizeRow = (what: string, pick: (size: NodeSize) => number) => {
      return row(`node ${node}, ${what}`, ({ nodes }) => whole(pick(nodes[i]!)))
    }
    const resident = sizeRow('MB of memory', (size) => size.ownMegabytes)
    const files = sizeRow('MB on disk', (size) => size.dataMegabytes)
    if (mappedMegabytes === undefined) return [resident, files]
    return [resident, sizeRow('MB of mapped files', (size) => size.mappedMegabytes ?? 0), files]
  })
  const rates = row('commands/s until then', (point, i) => (i === 0 ? '' : whole(rateBetween(at[i - 1]!, point))))
  return [row('after seconds', ({ seconds }) => whole(seconds)), rates, ...sizes]
}

function nearest(course: readonly CoursePoint[], seconds: number): CoursePoint {
  const away = (one: CoursePoint) => Math.abs(one.seconds - seconds)
  return course.reduce((best, one) => (away(one) < away(best) ? one : best))
}

export function rateBetween(from: CoursePoint, to: CoursePoint): number {
  return (to.commands - from.commands) / (to.seconds - from.seconds)
}
