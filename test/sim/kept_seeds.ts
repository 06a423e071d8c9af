/**
 * Seeds that once failed, each with what it showed. They always run, first. A change of the plan or
 * of the world makes them other worlds; then look for new ones with the fix taken out.
 */
export const keptSeeds: readonly number[] = [
  3, // a fetch refused while nothing was under way: the partition never asked again
  4, // the same, in a process with other partitions at work
  141, // the client had lost its place at the log's end: nothing came any more
  554, // the same in another order of events
];
