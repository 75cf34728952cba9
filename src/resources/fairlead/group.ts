/** What Fairlead's own kinds have in common. They are young: fields may still change, with a new version. */
export const fairlead = {
  group: 'fairlead.dev',
  versions: [{ name: 'v1alpha1', storage: true }],
  categories: ['fairlead'],
} as const
