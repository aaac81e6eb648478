"""Many small runs trained as one batched network; each run leaves the files that it leaves when trained alone.

Tensors have the member axis first: weights (K, in, out), features (K, N, in). May import: sweep and the packages
before it.

A member is one run: one configuration, one seed, one run folder. The members of a stack share the network, the batch
size, the optimizer's class and the dataset; `eligibility` lists the values in which they may differ.

Axes: K members; D folds, or datasets, each stored once (D = 1 where all members share the data); N rows; B rows of a
mini-batch; P parameters of one network.

    Weights.flat, gradients, optimizer state       (K, P), one view (K, ...) per parameter, linear weights (K, in, out)
    StackedNetwork                                 (K, B, in) or (1, B, in) -> (K, B, out); buffers (K, ...)
    losses and metrics                             (K,), one value per member
    StackedData.inputs, .targets                   (D N, ...), training rows of all folds one after another
    FoldRows.features, .target                     (D, N, ...), expanded to (K, N, ...) where D > 1
    row indices of an epoch, of a mini-batch       (K, N), (K, B), into the D N training rows
    Snapshot                                       (K, P) weights, (K, ...) buffers and optimizer state

A hyperparameter is a float where all members agree, else a column (K, 1) in double precision.

Path of a job, and who owns what on it:

    eligibility    sorts plain configurations into stacks, without torch; the launcher calls it
    assemble       builds each member as its single run is built: seeds, weights, callbacks, logger (Member)
    data           the rows of all folds (StackedData, FoldRows)
    weights, network, losses, optimizer    all parameters as one tensor, its forward pass, its loss, its update
    fit            the loop: order, update, measure, best epoch, early stopping; removes members that ended or failed
    metrics, diagnosis, step_metrics       what is measured per epoch, after training, and within an epoch
    member_files   history.csv, TensorBoard, last.ckpt and best.ckpt of one member
    train          one stack from configurations to run folders; `processes` divides it over the cores

Equality with single runs: a member draws the same random numbers, sees the same mini-batches and stops at the same
epoch. Its history equals that of the single run to 1e-9 in float64 and to rounding in float32 (test_fit.py of
tests/stack); its checkpoints have the same keys, shapes and counts (test_member_files.py) and its folder has the same
files (test_train.py), so that resume, evaluate and predict read it like any other.
"""
