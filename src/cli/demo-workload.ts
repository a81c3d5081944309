/**
 * What the demo runs, in the shell of the default image: three stages that each compute for a while and take more memory
 * than the one before, held in a tmpfs that counts against the container's limit.
 */
export const demoWorkload: readonly string[] = [
  "/bin/sh",
  "-c",
  `stage=1
while [ "$stage" -le 4 ]; do
  dd if=/dev/zero of="/tmp/block$stage" bs=1M count=12 2>/dev/null
  sum=0 number=0
  end=$(( $(date +%s) + 1 ))
  while [ "$(date +%s)" -le "$end" ]; do
    step=0
    while [ "$step" -lt 2000 ]; do
      number=$(( number + 1 )) sum=$(( (sum + number * number) % 1000003 )) step=$(( step + 1 ))
    done
  done
  echo "stage $stage of 4: $number squares summed to $sum (mod 1000003), $(( stage * 12 )) MiB held"
  stage=$(( stage + 1 ))
done`,
];
