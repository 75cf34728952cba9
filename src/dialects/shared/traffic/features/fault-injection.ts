import type { RouteFeature } from './feature.ts'

/** Some requests are answered with an error, or late. */
export const faultInjection: RouteFeature<'faultInjection'> = {
  field: 'faultInjection',
  check: () => [],
  emit: ({ abort, delay, percentage }) => ({
    fault: {
      ...(abort && { abort: { ...abort, percentage: { value: percentage } } }),
      ...(delay && { delay: { ...delay, percentage: { value: percentage } } }),
    },
  }),
}
