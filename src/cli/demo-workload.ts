/**
 * What the demo runs, in the shell of the default image: five stages of a second each. A stage computes, and takes 10 MiB
 * more than the one before, held in a tmpfs that counts against the container's limit.
 */
export const demoWorkload: readonly string[] = [
  "/bin/sh",
  "-c",
  `stage=1
while [ "$stage" -le 5 ]; do
  dd if=/dev/zero of="/tmp/block$stage" bs=1M count=10 2>/dev/null
  sum=0 number=0
  end=$(( $(date +%s) + 1 ))
  while [ "$(date +%s)" -lt "$end" ]; do
    step=0
    while [ "$step" -lt 2000 ]; do
      number=$(( number + 1 )) sum=$(( (sum + number * number) % 1000003 )) step=$(( step + 1 ))
    done
  done
  echo "stage $stage of 5: $number squares summed to $sum (mod 1000003), $(( stage * 10 )) MiB held"
  stage=$(( stage + 1 ))
done`,
];
